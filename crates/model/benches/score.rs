//! Probabilities and reasons beside LightGBM's own on one thread, in one run: `cargo bench -p muster-model`.
//!
//! LightGBM's reasons in bulk are measured on 200 rows, which take it as long as all of them take us.

use std::sync::Arc;

use muster_model::ffi::Output;
use muster_model::{Forest, Matrix, Reasons};

use figures::{Clock, Spent};

#[expect(dead_code, reason = "other benches use more of it")]
#[path = "../../../tests/bench/figures.rs"]
mod figures;

#[expect(dead_code, reason = "the tests use more of it")]
#[path = "../tests/it/data.rs"]
mod data;

const ROUNDS: usize = 5;

/// Runs `work` on `rows` rows for a twentieth of a second or more of the thread's time.
fn spent(rows: usize, mut work: impl FnMut()) -> Spent {
    let mut times = 1;
    loop {
        let spent = Spent::of(Clock::Thread, || {
            (0..times).for_each(|_| work());
            (rows * times) as u64
        });
        if spent.cpu_secs > 0.05 || figures::quick() {
            return spent;
        }
        times *= 2;
    }
}

fn main() {
    const SOME: usize = 200;
    let rows = figures::rows(20_000);
    for (trees, leaves) in [(300, 15), (200, 31), (300, 63)] {
        let parameters = format!("num_leaves={leaves} learning_rate=0.03");
        let booster = data::train(20_000, 1, &parameters, if figures::quick() { 5 } else { trees });
        let text = booster.text().expect("a trained model has a text");
        let forest = Arc::new(Forest::parse(&text).expect("LightGBM's text parses"));
        let reasons = Reasons::new(forest.clone());
        let (matrix, _) = data::table(rows, 2);
        let some = matrix.take(&(0..SOME).collect::<Vec<_>>());
        let alone = matrix.take(&[0]);
        let compare = |stage: &str, what: &str, ours: &mut dyn FnMut() -> Spent, theirs: &mut dyn FnMut() -> Spent| {
            let what = format!("{trees} trees of {leaves} leaves{what}");
            figures::compare(stage, &what, "LightGBM", ROUNDS, ours, theirs);
        };
        let theirs = |some: &Matrix, rows: usize, output: Output| spent(rows, || drop(booster.predict(some, output)));
        compare(
            "probabilities",
            "",
            &mut || spent(rows, || drop(forest.probabilities(&matrix))),
            &mut || theirs(&matrix, rows, Output::Probability),
        );
        compare(
            "reasons",
            ", in bulk",
            &mut || spent(rows, || drop(reasons.contributions(&matrix))),
            &mut || theirs(&some, SOME, Output::Contributions),
        );
        compare(
            "reasons",
            ", one row",
            &mut || spent(1, || drop(reasons.contributions(&alone))),
            &mut || theirs(&alone, 1, Output::Contributions),
        );
    }
}
