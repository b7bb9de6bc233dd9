//! What the page holds of a fixed report, and that it holds nothing that would ask somebody else for anything.

use muster_report::{CellState, Index, IndexContract, IndexEntry, Totals, html, index_html, json};
use serde_json::Value;

use crate::given;

/// The page's text with its tags, style and script apart: what changes by design is no change of content.
fn body(page: &str) -> String {
    let body = page.split_once("<body>").unwrap().1;
    let (before, after) = body.split_once("<script>").unwrap();
    let (_, after) = after.split_once("</script>").unwrap();
    format!("{before}{after}")
}

#[test]
fn the_page_has_every_part_of_the_report_in_this_form() {
    let page = html(&given::report()).unwrap();
    insta::assert_snapshot!(body(&page));
}

#[test]
fn the_page_asks_nobody_for_anything() {
    let page = html(&given::report()).unwrap();
    for loading in [
        "src=",
        "@import",
        "url(",
        "<link rel=\"stylesheet\"",
        "fetch(",
        "XMLHttpRequest",
        "import(",
        "http://",
    ] {
        assert!(!page.contains(loading), "`{loading}`");
    }
    assert!(!page.contains("https://"));
    assert!(!page.contains("style=\""), "the policy would forbid it");
    let handlers = page.split(" on").skip(1).filter_map(|rest| rest.split_once('='));
    let handlers: Vec<&str> = handlers
        .map(|(name, _)| name)
        .filter(|name| name.len() > 2 && name.bytes().all(|byte| byte.is_ascii_lowercase()))
        .collect();
    assert_eq!(handlers, [""; 0], "event handlers");
}

#[test]
fn the_policy_names_the_very_style_and_script_of_the_page() {
    let page = html(&given::report()).unwrap();
    let policy = muster_report::policy();
    assert!(policy.starts_with("default-src 'none'"));
    assert!(!policy.contains("-inline") && !policy.contains("-eval"));
    let between = |open: &str, close: &str| {
        let rest = page.split_once(open).unwrap().1;
        rest.split_once(close).unwrap().0.to_owned()
    };
    for (open, close, directive) in [
        ("<style>", "</style>", "style-src"),
        ("<script>", "</script>", "script-src"),
    ] {
        use base64::Engine as _;
        use sha2::Digest as _;
        let hash = sha2::Sha256::digest(between(open, close).as_bytes());
        let named = format!(
            "{directive} 'sha256-{}'",
            base64::engine::general_purpose::STANDARD.encode(hash)
        );
        assert!(policy.contains(&named), "{named} in {policy}");
    }
}

#[test]
fn json_says_what_the_page_says() {
    let report = given::report();
    let data: Value = serde_json::from_str(&json(&report).unwrap()).unwrap();
    let page = body(&html(&report).unwrap());
    assert_eq!(data["report"], 1);
    assert_eq!(data["status"]["verdict"], "not_met");
    let line = data["status"]["line"].as_str().unwrap();
    assert!(page.contains(line), "{line}");
    for name in ["received", "good", "bad", "duplicate"] {
        let shown = format!("<dt>{name}</dt><dd>{}", data["totals"][name]);
        assert!(page.contains(&shown), "{shown}");
    }
    for rule in data["rules"].as_array().unwrap() {
        let (id, rows) = (rule["id"].as_str().unwrap(), rule["rows"].as_u64().unwrap());
        let line = page
            .lines()
            .find(|line| line.contains(&format!("<code>{id}</code>")))
            .unwrap();
        if rows > 0 {
            let share = format!("</svg>{:.1}\u{a0}%</td>", rule["share"].as_f64().unwrap() * 100.0);
            assert!(
                line.contains(&format!("<td class=\"n\">{rows}</td>")) && line.contains(&share),
                "{line}"
            );
        }
    }
    for bucket in data["timeline"]["buckets"].as_array().unwrap() {
        let (from, bad) = (bucket["from"].as_str().unwrap(), &bucket["bad"]);
        let shown = format!("<th scope=\"row\">{from}</th><td class=\"n\">10</td><td class=\"n\">{bad}</td>");
        assert!(page.contains(&shown), "{shown}");
    }
    let cells = data["samples"]["rows"][0]["cells"].as_array().unwrap();
    assert_eq!(
        cells[0],
        serde_json::json!({ "is": "shown", "value": "Oct-49", "broken": true })
    );
    assert_eq!(cells[1], serde_json::json!({ "is": "masked", "broken": false }));
}

#[test]
fn a_report_of_nothing_is_a_page_too() {
    let mut report = given::report();
    report.totals = Totals::default();
    report.expectations.clear();
    report.status = muster_report::Status::of(&report.totals, &[]);
    report.rules.clear();
    report.timeline.buckets.clear();
    report.columns.clear();
    report.samples.rows.clear();
    report.files.clear();
    report.links.clear();
    let page = html(&report).unwrap();
    assert!(page.contains("No rows were judged."));
    assert!(page.contains("No rule was broken."));
    assert!(!page.contains("NaN") && !page.contains("inf"));
}

#[test]
fn a_great_report_stays_below_two_megabytes() {
    let mut report = given::report();
    let long = "Ж".repeat(80);
    report.columns = (0..400)
        .map(|at| given::column(&format!("{long}{at}"), at % 2 == 0))
        .collect();
    for column in &mut report.columns {
        if let Some(values) = &mut column.values {
            values.top = vec![values.top[0].clone(); 12];
        }
    }
    report.rules = (0..800)
        .map(|at| {
            let mut rule = given::rule(&format!("{long}{at}"), Some(&format!("{long}{}", at / 2)), 1 + at % 3);
            rule.over = (0..48).collect();
            rule.positions = vec!["11@123456789012".to_owned(); 5];
            rule
        })
        .collect();
    let mut sample = report.samples.rows[0].clone();
    sample.cells = vec![given::cell(CellState::Shown(long.clone()), true); 40];
    report.samples.columns = vec![report.samples.columns[0].clone(); 40];
    report.samples.rows = vec![sample; 60];
    let page = html(&report).unwrap();
    assert!(page.len() <= 2_000_000, "{}", page.len());
    assert!(page.contains("This is too much for one page: "));
    let data: Value = serde_json::from_str(&json(&report).unwrap()).unwrap();
    assert_eq!(data["rules"].as_array().unwrap().len(), 800, "the JSON holds all");
}

#[test]
fn the_list_of_reports_leads_to_each() {
    let entry = |name: &str, url: &str| IndexEntry {
        name: name.to_owned(),
        url: url.to_owned(),
        totals: given::report().totals,
    };
    let index = Index {
        made_at: "2026-11-21T10:00:00Z".to_owned(),
        contracts: vec![IndexContract {
            name: "hr.candidate".to_owned(),
            days: vec![entry("2026-11-20", "hr.candidate/2026-11-20")],
            batches: vec![entry("12", "hr.candidate/batch/12")],
        }],
    };
    let page = index_html(&index).unwrap();
    for part in [
        "<a href=\"hr.candidate/2026-11-20\">2026-11-20</a>",
        "<a href=\"hr.candidate/batch/12\">12</a>",
        "25.0\u{a0}%",
    ] {
        assert!(page.contains(part), "{part}");
    }
}
