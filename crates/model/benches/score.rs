//! Probabilities and reasons beside LightGBM's own on one thread, in one run: `cargo bench -p muster-model`.
//!
//! Prints rows per second and the ratio to LightGBM; nothing is asserted, since machines differ.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::sync::Arc;
use std::time::Instant;

use muster_model::ffi::Output;
use muster_model::{Forest, Reasons};

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/data.rs"]
mod data;

/// Best seconds of some runs.
fn best(runs: usize, mut work: impl FnMut()) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..runs {
        let start = Instant::now();
        work();
        least = least.min(start.elapsed().as_secs_f64());
    }
    least
}

fn main() {
    const ROWS: usize = 50_000;
    const EXPLAINED: usize = 2_000;
    println!("| model | what | rows/s | us/row | LightGBM rows/s | ratio |");
    println!("|---|---|---|---|---|---|");
    for (trees, leaves) in [(300, 15), (200, 31), (500, 31), (300, 63), (100, 127)] {
        let parameters = format!("num_leaves={leaves} learning_rate=0.03");
        let booster = data::train(20_000, 1, &parameters, trees);
        let text = booster.text().expect("a trained model has a text");
        let forest = Arc::new(Forest::parse(&text).expect("LightGBM's text parses"));
        let reasons = Reasons::new(forest.clone());
        let (matrix, _) = data::table(ROWS, 2);
        let some = matrix.take(&(0..EXPLAINED).collect::<Vec<_>>());
        let alone = matrix.take(&[0]);
        let line = |what: &str, rows: usize, ours: f64, theirs: f64| {
            let (rows, ours_rate) = (rows as f64, rows as f64 / ours);
            println!(
                "| {trees} x {leaves} | {what} | {ours_rate:.0} | {:.3} | {:.0} | {:.1} |",
                1e6 * ours / rows,
                rows / theirs,
                theirs / ours
            );
        };
        let ours = best(5, || drop(forest.probabilities(&matrix)));
        let theirs = best(3, || drop(booster.predict(&matrix, Output::Probability)));
        line("probabilities", ROWS, ours, theirs);
        let ours = best(3, || drop(reasons.contributions(&some)));
        let theirs = best(2, || drop(booster.predict(&some, Output::Contributions)));
        line("reasons, 2,000 rows", EXPLAINED, ours, theirs);
        let ours = best(3, || drop(reasons.contributions(&matrix)));
        line(
            "reasons, 50,000 rows",
            ROWS,
            ours,
            theirs * ROWS as f64 / EXPLAINED as f64,
        );
        let ours = best(50, || drop(reasons.contributions(&alone)));
        let theirs = best(50, || drop(booster.predict(&alone, Output::Contributions)));
        line("reasons, one row", 1, ours, theirs);
    }
}
