//! Values are foreign: whatever stands in a level, a rule's id, a file's name, the page shows it and does nothing else.

use muster_report::{CellState, Report, Subject, html, json};

use crate::given;

pub const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</style><script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "<!-- -->]]><svg/onload=alert(1)>",
    "{{ 7 * 7 }}{% include \"/etc/passwd\" %}",
    "&lt;script&gt;\u{202e}\u{0}",
];

/// A report in which everything that can be is this text.
fn everywhere(text: &str) -> Report {
    let mut report = given::report();
    let text = || text.to_owned();
    report.subject = Subject::File { name: text() };
    report.contract.name = text();
    report.contract.topic = text();
    report.contract.versions = vec![text()];
    report.status.line = text();
    report.notes = vec![text()];
    report.muster = text();
    report.made_at = text();
    for expected in &mut report.expectations {
        (expected.id, expected.measures) = (text(), text());
    }
    for rule in &mut report.rules {
        (rule.id, rule.field, rule.asks, rule.positions) = (text(), Some(text()), text(), vec![text()]);
        rule.values = Some(given::values(&text(), 3));
    }
    for bucket in &mut report.timeline.buckets {
        bucket.from = text();
    }
    for column in &mut report.columns {
        (column.name, column.kind) = (text(), text());
        column.values = column.values.as_ref().map(|_| given::values(&text(), 3));
    }
    for column in &mut report.samples.columns {
        column.name = text();
    }
    for sample in &mut report.samples.rows {
        (sample.position, sample.rules) = (text(), vec![text()]);
        sample.refused = sample.refused.as_ref().map(|_| text());
        for cell in &mut sample.cells {
            cell.state = CellState::Shown(text());
        }
    }
    for file in &mut report.files {
        (file.path, file.kind) = (text(), text());
    }
    for link in &mut report.links {
        (link.label, link.command) = (text(), Some(text()));
    }
    report
}

/// The tags of a page, attributes included.
pub fn tags(page: &str) -> Vec<String> {
    let mut tags = Vec::new();
    for part in page.split('<').skip(1) {
        let tag = part.split('>').next().unwrap();
        let mut quoted = false;
        // What stands between quotes is a value and may be anything that has no quote in it.
        let bare: String = tag
            .chars()
            .filter(|character| {
                quoted ^= *character == '"';
                !quoted
            })
            .collect();
        tags.push(bare);
    }
    tags
}

#[test]
fn no_value_becomes_a_tag_or_an_attribute() {
    let plain = tags(&html(&everywhere("harmless")).unwrap());
    for text in HOSTILE {
        let page = html(&everywhere(text)).unwrap();
        assert_eq!(tags(&page), plain, "{text}");
        assert!(!page.contains("<script>alert") && !page.contains("<img"));
        assert_eq!(page.matches("<script").count(), 1);
    }
}

#[test]
fn json_keeps_every_value_as_it_is() {
    for text in HOSTILE {
        let data: serde_json::Value = serde_json::from_str(&json(&everywhere(text)).unwrap()).unwrap();
        assert_eq!(data["rules"][0]["id"], text);
        assert_eq!(data["columns"][0]["values"]["top"][0]["value"], text);
    }
}
