//! Any bytes as a JSON record, between two good records.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use muster_fuzz::Harness;

static HARNESS: LazyLock<Harness> = LazyLock::new(Harness::json);

fuzz_target!(|payload: &[u8]| {
    HARNESS.check(payload, false);
});
