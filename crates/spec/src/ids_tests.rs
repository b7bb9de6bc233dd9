//! Tests of the file beside this one.

use proptest::prelude::*;

use super::{FileSha, Offset, OffsetDelta};

fn delta(from: i64, to: i64) -> OffsetDelta {
    OffsetDelta::new(Offset(from), Offset(to))
}

#[test]
fn a_delta_that_would_lose_or_double_an_offset_does_not_follow() {
    let table = [
        ((5, 9), true),
        ((5, 5), false),
        ((4, 9), false),
        ((6, 9), false),
        ((5, 4), false),
    ];
    for ((from, to), follows) in table {
        assert_eq!(delta(from, to).follows(Offset(5)), follows, "[{from}, {to})");
    }
}

#[test]
fn a_file_is_shown_by_its_64_digits() {
    let sha = FileSha([0x0a; 32]);
    assert_eq!(sha.to_string(), "0a".repeat(32));
    assert_eq!(format!("{sha:?}"), format!("FileSha({sha})"));
}

proptest! {
    /// Deltas that follow one another hold every offset between the first and the last end exactly once.
    #[test]
    fn deltas_that_follow_tile_the_log(start in 0i64..1000, steps in proptest::collection::vec(-2i64..6, 1..20)) {
        let mut next = Offset(start);
        let mut taken: Vec<OffsetDelta> = Vec::new();
        let mut from = start;
        for step in steps {
            let candidate = delta(from, from + step);
            if candidate.follows(next) {
                next = candidate.to;
                taken.push(candidate);
            }
            from = if step < 0 { next.0 + step } else { next.0 };
        }
        for offset in start..next.0 {
            let holders = taken.iter().filter(|delta| delta.contains(Offset(offset))).count();
            prop_assert_eq!(holders, 1, "offset {}", offset);
        }
        let joined = taken.iter().copied().map(Some).reduce(|left, right| left?.join(right?));
        prop_assert_eq!(joined.flatten(), (next.0 > start).then(|| delta(start, next.0)));
    }

    #[test]
    fn only_neighbours_join(a in 0i64..9, b in 0i64..9, c in 0i64..9, d in 0i64..9) {
        let joined = delta(a, b).join(delta(c, d));
        prop_assert_eq!(joined, (b == c).then(|| delta(a, d)));
    }
}
