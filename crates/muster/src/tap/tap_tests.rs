//! Tests of what a tap tells of.

use super::*;

fn told(verdict: Verdict, violations: &[&'static str], warnings: &[&'static str]) -> Told<'static> {
    Told {
        contract: "c",
        topic: "t",
        partition: 0,
        offset: 0,
        event_time: None,
        verdict,
        violations: violations.to_vec(),
        warnings: warnings.to_vec(),
        refusal: None,
        payload_bytes: 0,
        fields: Vec::new(),
    }
}

#[test]
fn a_filter_tells_of_what_it_names_only() {
    let filter = |bad, rules: &[&str]| Filter {
        bad,
        rules: rules.iter().map(|&rule| rule.to_owned()).collect(),
    };
    let records = [
        told(Verdict::Good, &[], &[]),
        told(Verdict::Good, &[], &["late"]),
        told(Verdict::Bad, &["range"], &["late"]),
        told(Verdict::Bad, &["level", "range"], &[]),
        told(Verdict::Duplicate, &[], &[]),
    ];
    for (filter, wanted) in [
        (filter(false, &[]), [true; 5]),
        (filter(true, &[]), [false, false, true, true, false]),
        (filter(false, &["late"]), [false, true, true, false, false]),
        (filter(true, &["late"]), [false, false, true, false, false]),
        (filter(false, &["level", "late"]), [false, true, true, true, false]),
    ] {
        let told: Vec<bool> = records.iter().map(|record| filter.wants(record)).collect();
        assert_eq!(told, wanted, "{filter:?}");
    }
}
