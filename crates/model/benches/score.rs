//! Probabilities and reasons beside LightGBM's own on one thread, in one run: `cargo bench -p muster-model`.
//!
//! Prints rows per second of processor time and the ratio to LightGBM; nothing is asserted, since machines differ.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::sync::Arc;
use std::time::Instant;

use muster_model::ffi::Output;
use muster_model::{Forest, Reasons};

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/data.rs"]
mod data;

/// Seconds this thread has been on a processor, where the system tells; else seconds that have passed.
fn processor_secs(start: Instant) -> f64 {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanos = told.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanos.map_or_else(|| start.elapsed().as_secs_f64(), |nanos| nanos * 1e-9)
}

/// Processor seconds of one run of `work`, best of three times as many runs as fill 50 ms.
fn best(mut work: impl FnMut()) -> f64 {
    let begin = Instant::now();
    let mut least = f64::INFINITY;
    for _ in 0..3 {
        let start = processor_secs(begin);
        let mut runs = 0;
        let spent = loop {
            work();
            runs += 1;
            let spent = processor_secs(begin) - start;
            if spent > 0.05 {
                break spent;
            }
        };
        least = least.min(spent / f64::from(runs));
    }
    least
}

fn main() {
    const ROWS: usize = 20_000;
    const SOME: usize = 200;
    println!("| model | what | rows per CPU second | us a row | LightGBM's rows | ratio |");
    println!("|---|---|---|---|---|---|");
    for (trees, leaves) in [(300, 15), (200, 31), (300, 63)] {
        let parameters = format!("num_leaves={leaves} learning_rate=0.03");
        let booster = data::train(20_000, 1, &parameters, trees);
        let text = booster.text().expect("a trained model has a text");
        let forest = Arc::new(Forest::parse(&text).expect("LightGBM's text parses"));
        let reasons = Reasons::new(forest.clone());
        let (matrix, _) = data::table(ROWS, 2);
        let some = matrix.take(&(0..SOME).collect::<Vec<_>>());
        let alone = matrix.take(&[0]);
        let line = |what: &str, ours: f64, theirs: f64| {
            println!(
                "| {trees} x {leaves} | {what} | {:.0} | {:.3} | {:.0} | {:.1} |",
                1.0 / ours,
                1e6 * ours,
                1.0 / theirs,
                theirs / ours
            );
        };
        let ours = best(|| drop(forest.probabilities(&matrix))) / ROWS as f64;
        let theirs = best(|| drop(booster.predict(&matrix, Output::Probability))) / ROWS as f64;
        line("probabilities", ours, theirs);
        let theirs = best(|| drop(booster.predict(&some, Output::Contributions))) / SOME as f64;
        let ours = best(|| drop(reasons.contributions(&some))) / SOME as f64;
        line("reasons, 200 rows at once", ours, theirs);
        let ours = best(|| drop(reasons.contributions(&matrix))) / ROWS as f64;
        line("reasons, 20,000 rows at once", ours, theirs);
        let theirs = best(|| drop(booster.predict(&alone, Output::Contributions)));
        let ours = best(|| drop(reasons.contributions(&alone)));
        line("reasons, one row", ours, theirs);
    }
}
