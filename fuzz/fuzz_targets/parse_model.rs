//! Any text as a model: the bytes themselves, or a good model with bytes of it replaced.
//!
//! Whatever is parsed must score and explain without a panic, and the same row the same way wherever it stands.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use muster_model::{Forest, Matrix, Reasons};

const MODEL: &str = include_str!("../src/model.txt");

fuzz_target!(|bytes: &[u8]| {
    let Some((&first, rest)) = bytes.split_first() else { return };
    if first == 0 {
        check(rest);
        return;
    }
    let mut model = MODEL.as_bytes().to_vec();
    for edit in rest.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % model.len();
        model[at] = edit[2];
    }
    check(&model);
});

fn check(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let Ok(forest) = Forest::parse(text) else { return };
    let forest = Arc::new(forest);
    let columns = forest.columns();
    let row = |value: f64| vec![value; columns];
    let values = [row(f64::NAN), row(0.0), row(1.0), row(-7.5), row(1e300), row(0.0), row(f64::NAN)].concat();
    let matrix = Matrix::new(values, columns);
    let raw = forest.raw(&matrix).expect("the rows are as wide as the forest");
    let shares = Reasons::new(forest).contributions(&matrix).expect("the rows are as wide as the forest");
    assert_eq!((raw.len(), shares.len()), (7, 7 * (columns + 1)));
    for (left, right) in [(0, 6), (1, 5)] {
        assert_eq!(raw[left].to_bits(), raw[right].to_bits());
        let bits = |row: usize| {
            let shares = &shares[row * (columns + 1)..(row + 1) * (columns + 1)];
            shares.iter().map(|share| share.to_bits()).collect::<Vec<_>>()
        };
        assert_eq!(bits(left), bits(right));
    }
}
