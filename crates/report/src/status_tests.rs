//! Tests of the file beside this one: the one line.

use super::{Status, Verdict};
use crate::report::{Expected, Totals};

fn totals(good: u64, bad: u64) -> Totals {
    Totals {
        received: good + bad,
        good,
        bad,
        ..Totals::default()
    }
}

fn expected(id: &str, measured: Option<f64>, (missed, batches): (u64, u64)) -> Expected {
    Expected {
        id: id.to_owned(),
        measures: String::new(),
        field: None,
        min: None,
        max: Some(0.1),
        measured,
        batches,
        missed,
    }
}

#[test]
fn the_line_says_what_is_wrong_and_how_much() {
    let met = expected("bad_ratio", Some(0.05), (0, 1));
    let missed = expected("bad_ratio", Some(0.182_17), (1, 1));
    let of_day = expected("rows", None, (2, 8));
    let cases = [
        (totals(0, 0), vec![], Verdict::Empty, "No rows were judged."),
        (totals(1, 0), vec![met.clone()], Verdict::Good, "The one row is good."),
        (totals(1_200, 0), vec![], Verdict::Good, "All 1,200 rows are good."),
        (
            totals(19, 1),
            vec![met],
            Verdict::BadRows,
            "1 of 20 rows is bad (5.0\u{a0}%); all expectations are met.",
        ),
        (
            totals(15_668, 3_490),
            vec![missed.clone()],
            Verdict::NotMet,
            "3,490 of 19,158 rows are bad (18.2\u{a0}%); bad_ratio is 0.1822, at most 0.1 was expected.",
        ),
        (
            totals(10, 10),
            vec![missed.clone(), of_day, missed],
            Verdict::NotMet,
            "10 of 20 rows are bad (50.0\u{a0}%); bad_ratio is 0.1822, at most 0.1 was expected; rows, \
             at most 0.1 was expected (missed by 2 of 8 batches), and 1 more.",
        ),
    ];
    for (totals, expectations, verdict, line) in cases {
        let status = Status::of(&totals, &expectations);
        assert_eq!((status.verdict, status.line.as_str()), (verdict, line));
    }
}
