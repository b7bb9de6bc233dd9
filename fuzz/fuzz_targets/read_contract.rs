//! Any bytes as a contract file and its schema, the two parted by the first zero byte; then the first as a pipeline.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster_spec::{canonical_form, read, schema_id};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let (yaml, schema) = text.split_once('\0').unwrap_or((&text, SCHEMA));
    let open = |_: &str| Some(schema.to_owned());
    let read = read::contract("x", "x.contract.yaml", yaml, &open);
    match &read {
        Ok(contract) => {
            assert!(contract.key < contract.fields.len() && !contract.rules.is_empty());
            let form = canonical_form(&contract.schema_text).expect("a schema that was read is JSON");
            assert_eq!(canonical_form(&form).as_deref(), Some(form.as_str()), "a form is its own form");
            assert_eq!(schema_id(&form), schema_id(&contract.schema_text));
        }
        Err(problems) => assert!(!problems.is_empty()),
    }
    schema_id(schema);
    let contracts: Vec<_> = read.into_iter().collect();
    if let Err(problems) = read::pipeline("x", "x.yaml", yaml, &open, &contracts) {
        assert!(!problems.is_empty());
    }
});

/// What a contract is read against when the bytes bring no schema.
const SCHEMA: &str = include_str!("../../schemas/lms.completion.avsc");
