//! Tests of the file beside this one: no bad row is lost on the way.

use muster_spec::RuleNumber;

use super::{STRETCHES, Trail};

#[test]
fn no_row_is_lost_when_stretches_are_joined_and_their_lengths_add_up() {
    for rows in [1_u64, 2, 47, 48, 49, 1_500, 1_000_003] {
        let mut trail = Trail::new(2);
        let bad: Vec<u64> = (0..rows).step_by(7).collect();
        for &place in &bad {
            let rules: &[RuleNumber] = if place % 2 == 0 { &[RuleNumber(1)] } else { &[] };
            trail.add(place, rules);
        }
        let stretches = trail.stretches(rows);
        assert!(stretches.len() <= STRETCHES && stretches.len() as u64 >= rows.min(STRETCHES as u64 / 2));
        assert_eq!(stretches.iter().map(|(_, places, _)| places).sum::<u64>(), rows);
        assert_eq!(stretches.iter().map(|(.., bad)| bad).sum::<u64>(), bad.len() as u64);
        for (from, places, count) in &stretches {
            let within = bad.iter().filter(|place| (*from..from + places).contains(place));
            assert_eq!(within.count() as u64, *count);
        }
        let of_rule = trail.of_rule(RuleNumber(1), stretches.len());
        assert_eq!(of_rule.len(), stretches.len());
        let even = bad.iter().filter(|place| *place % 2 == 0).count() as u64;
        assert_eq!(of_rule.iter().sum::<u64>(), even);
        assert_eq!(trail.of_rule(RuleNumber(0), stretches.len()), [0; 0]);
    }
}

#[test]
fn no_rows_are_no_stretches() {
    assert_eq!(Trail::new(1).stretches(0), []);
}
