//! Tests of the file beside this one: where alerts lead, and that no name leads elsewhere.

use muster_batch::{Alert, AlertState, RaisedAlert};
use muster_spec::BatchId;

use super::of;

fn raised(fingerprint: &str, about: &str, batch: Option<i64>) -> RaisedAlert {
    RaisedAlert {
        id: 1,
        alert: Alert {
            fingerprint: fingerprint.to_owned(),
            condition: "bad_ratio".to_owned(),
            about: about.to_owned(),
            state: AlertState::Firing,
            measured: None,
            threshold: None,
            window: String::new(),
            target: None,
        },
        batch: batch.map(BatchId),
        run: None,
        raised_at: 1_700_000_000_000_000,
    }
}

#[test]
fn an_alert_about_a_contract_leads_to_its_batch_or_its_day_and_another_to_muster() {
    let base = "https://muster.example/hr/";
    let cases = [
        (
            "contract/hr.candidate/bad_ratio",
            "hr.candidate",
            Some(12),
            "https://muster.example/hr/reports/hr.candidate/batch/12",
        ),
        (
            "contract/hr.candidate/source_paused",
            "hr.candidate",
            None,
            "https://muster.example/hr/reports/hr.candidate/2023-11-14",
        ),
        ("pipeline/job-change/run_failed", "job-change", None, base),
        ("contract/x/y", "../../admin", Some(1), base),
        ("contract/x/y", "a b\"><script>", Some(1), base),
        ("contract/x/y", "..", Some(1), base),
    ];
    for (fingerprint, about, batch, link) in cases {
        assert_eq!(of(base, &raised(fingerprint, about, batch)), link, "{about}");
    }
}
