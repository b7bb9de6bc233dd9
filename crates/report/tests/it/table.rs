//! The profile of a table as a page: foreign names and values, and columns by the thousand.

use muster_report::{
    Bound, Distinct, FindingKind, NumberSpread, PROFILE_FORM, TableColumn, TableFinding, TableLabel, TableProfile,
    table_html, table_json,
};

use crate::given;
use crate::hostile::{HOSTILE, tags};

/// A profile in which everything that can be is this text.
fn profile(text: &str, columns: usize) -> TableProfile {
    let text = || text.to_owned();
    let column = |at: usize| TableColumn {
        name: text(),
        field: text(),
        kind: text(),
        role: text(),
        why: text(),
        missing: 3,
        missing_share: 0.03,
        misread: 0,
        distinct: Some(Distinct {
            count: 7,
            exact: at == 0,
        }),
        association: Some(0.25),
        association_of_missing: None,
        numbers: at.is_multiple_of(2).then(|| NumberSpread {
            min: Bound::Time(text()),
            lower_quartile: Bound::Number(1.0),
            median: Bound::Number(2.0),
            upper_quartile: Bound::Number(3.0),
            max: Bound::Time(text()),
            mean: Some(2.5),
            deviation: 1.0,
            histogram: vec![1, 5, 0, 2],
            histogram_from: Bound::Number(0.0),
            histogram_to: Bound::Time(text()),
            outliers: 0,
        }),
        values: (at % 2 == 1).then(|| given::values(&text(), 3)),
    };
    TableProfile {
        profile: PROFILE_FORM,
        muster: text(),
        made_at: text(),
        file: text(),
        written: vec![text()],
        rows: 100,
        ragged: 1,
        foreign: 2,
        label: Some(TableLabel {
            column: text(),
            positive: text(),
            negative: text(),
            positive_rows: 30,
            negative_rows: 60,
            unlabelled_rows: 10,
            why: text(),
        }),
        findings: vec![TableFinding {
            kind: FindingKind::Leakage,
            column: text(),
            told: text(),
        }],
        columns: (0..columns).map(column).collect(),
        notes: vec![text()],
    }
}

#[test]
fn no_name_and_no_value_of_a_file_becomes_a_tag_or_an_attribute() {
    let plain = tags(&table_html(&profile("harmless", 2)).unwrap());
    for text in HOSTILE {
        let page = table_html(&profile(text, 2)).unwrap();
        assert_eq!(tags(&page), plain, "{text}");
        assert!(
            !page.contains("<script") && !page.contains("<img"),
            "the page has no script at all"
        );
        let data: serde_json::Value = serde_json::from_str(&table_json(&profile(text, 2)).unwrap()).unwrap();
        assert_eq!(data["columns"][0]["name"], text);
    }
}

#[test]
fn the_page_asks_nobody_for_anything_and_says_what_it_is() {
    let page = table_html(&profile("harmless", 2)).unwrap();
    for loading in ["src=", "@import", "url(", "http://", "https://", "style=\""] {
        assert!(!page.contains(loading), "`{loading}`");
    }
    assert!(page.contains("30 of 90 labelled rows are harmless (33.3"), "{page}");
    assert!(
        page.contains("aria-label=\"From 0 to harmless; half lie between 1 and 3\""),
        "the drawing is told in words"
    );
    assert!(page.contains("about 7"), "an estimate is called one");
}

#[test]
fn a_thousand_columns_make_a_page_that_opens() {
    assert!(table_html(&profile("a_usual_name", 1_000)).unwrap().len() < 2_500_000);
}
