//! Any bytes as an Avro message, behind a good frame or without one, between two good records.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use muster_fuzz::Harness;

static HARNESS: LazyLock<Harness> = LazyLock::new(Harness::avro);

fuzz_target!(|payload: &[u8]| {
    HARNESS.check(payload, false);
    HARNESS.check(payload, true);
});
