//! Dashboards, rules and runbooks as files: what they name exists, and every panel says what it shows. What they ask is
//! held against running servers in `crates/muster/tests/it/dashboards`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::{none, root};

const RULES: &str = "grafana/prometheus/rules/muster.yml";
/// Where the dashboards find the quality reports: a variable of theirs says at which Muster.
const REPORTS: &str = "${muster}/reports/";

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of a folder's files.
fn files_of(folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect()
}

fn dashboards() -> Vec<(String, Value)> {
    let names = files_of("grafana/dashboards").into_iter();
    names
        .map(|name| {
            let board = serde_json::from_str(&read(&format!("grafana/dashboards/{name}"))).expect("JSON");
            (name, board)
        })
        .collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Panels that show something, with their dashboard's file.
fn panels(boards: &[(String, Value)]) -> impl Iterator<Item = (&str, &Value)> {
    boards.iter().flat_map(|(name, board)| {
        let shown = list(&board["panels"]).iter().filter(|panel| panel["type"] != "row");
        shown.map(|panel| (name.as_str(), panel))
    })
}

/// Every name that starts as our metrics do.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let names = text.split(|letter| !word(letter));
    names
        .filter(|name| name.starts_with("muster_"))
        .map(str::to_owned)
        .collect()
}

/// The metrics that the code declares, as they are scraped: `make.KIND("name", ...)`.
fn declared(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for call in code.split("make.").skip(1) {
        let Some((kind, rest)) = call.split_once('(') else {
            continue;
        };
        let Some(rest) = rest.trim_start().strip_prefix('"') else {
            continue;
        };
        let Some((name, _)) = rest.split_once('"') else {
            continue;
        };
        let endings: &[&str] = if kind.starts_with("histogram") {
            &["_bucket", "_sum", "_count"]
        } else {
            &[""]
        };
        names.extend(endings.iter().map(|ending| format!("muster_{name}{ending}")));
    }
    names
}

fn undeclared(asked: &BTreeSet<String>, declared: &BTreeSet<String>) -> Vec<String> {
    asked.difference(declared).cloned().collect()
}

#[test]
fn every_metric_that_a_panel_or_rule_names_is_declared_by_code() {
    let declared = declared(&read("crates/muster/src/metrics.rs"));
    assert!(
        declared.len() > 20,
        "only {} metrics were found: {declared:?}",
        declared.len()
    );
    let mut findings = undeclared(&metrics_in(&read(RULES)), &declared);
    for (name, panel) in panels(&dashboards()) {
        for target in list(&panel["targets"]) {
            let unknown = undeclared(&metrics_in(text(&target["expr"])), &declared).into_iter();
            findings.extend(unknown.map(|metric| format!("{name}, {}: {metric}", panel["title"])));
        }
    }
    none(&findings, "a metric that no code declares");
}

#[test]
fn a_metric_of_another_name_is_found() {
    let declared =
        declared("make.counters(\n  \"rows_total\", \"help\", &[]), x: make.histogram(\"run_seconds\", \"help\")");
    let asked =
        metrics_in("rate(muster_rows_total[5m]) / muster_rows + muster_run_seconds_bucket + muster_run_seconds");
    assert_eq!(undeclared(&asked, &declared), ["muster_rows", "muster_run_seconds"]);
}

#[test]
fn every_panel_says_what_it_shows_in_which_unit_from_a_source_that_is_provisioned() {
    let sources = read("grafana/provisioning/datasources/muster.yaml");
    let boards = dashboards();
    let mut findings = Vec::new();
    for (name, panel) in panels(&boards) {
        let mut fault = |what: &str| findings.push(format!("{name}, {}: {what}", panel["title"]));
        if text(&panel["description"]).len() < 20 {
            fault("no description");
        }
        if text(&panel["fieldConfig"]["defaults"]["unit"]).is_empty() {
            fault("no unit");
        }
        if list(&panel["targets"]).is_empty() {
            fault("it asks nothing");
        }
        for target in list(&panel["targets"]) {
            let source = &target["datasource"];
            if !sources.contains(&format!(
                "    uid: {}\n    type: {}\n",
                text(&source["uid"]),
                text(&source["type"])
            )) {
                fault("a data source that is not provisioned");
            }
        }
    }
    none(&findings, "a panel that leaves its reader alone");
}

#[test]
fn dashboards_and_panels_keep_their_identities() {
    let boards = dashboards();
    let uids: Vec<&str> = boards.iter().map(|(_, board)| text(&board["uid"])).collect();
    assert_eq!(
        uids,
        ["muster-overview", "muster-quality", "muster-scoring"],
        "links and bookmarks name them"
    );
    let mut findings = Vec::new();
    for (name, board) in &boards {
        let mut ids = BTreeSet::new();
        let double = list(&board["panels"])
            .iter()
            .filter(|panel| !ids.insert(panel["id"].as_u64()));
        findings.extend(double.map(|panel| format!("{name}: two panels with the id {}", panel["id"])));
        let linked = list(&board["links"])
            .iter()
            .chain(list(&board["panels"]).iter().flat_map(|panel| list(&panel["links"])));
        let is_known = |url: &str| url == REPORTS || uids.iter().any(|uid| url == format!("/d/{uid}"));
        let lost = linked.filter(|link| !is_known(text(&link["url"])));
        findings.extend(lost.map(|link| format!("{name}: a link to {}", link["url"])));
        if board["editable"] != false {
            findings.push(format!(
                "{name}: what is changed in Grafana is lost, so it must be read-only"
            ));
        }
    }
    none(&findings, "a dashboard without a stable identity");
}

#[test]
fn panels_use_the_variables_their_dashboard_declares() {
    let mut findings = Vec::new();
    for (name, board) in &dashboards() {
        let declared: Vec<&str> = list(&board["templating"]["list"])
            .iter()
            .map(|variable| text(&variable["name"]))
            .collect();
        for panel in list(&board["panels"]) {
            for target in list(&panel["targets"]) {
                let asked = format!("{} {}", text(&target["rawSql"]), text(&target["expr"]));
                let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
                let used = asked
                    .split('$')
                    .skip(1)
                    .map(|rest| rest.split(|letter| !word(letter)).next().unwrap_or_default());
                let unknown = used.filter(|used| !used.starts_with("__") && !declared.contains(used));
                findings.extend(unknown.map(|used| format!("{name}, {}: ${used}", panel["title"])));
            }
        }
    }
    none(&findings, "a variable that the dashboard does not declare");
}

#[test]
fn rows_of_issues_lead_to_the_report_on_their_batch() {
    let (mut findings, mut found) = (Vec::new(), 0);
    for (name, panel) in panels(&dashboards()) {
        let columns = list(&panel["targets"]).iter().map(|target| text(&target["rawSql"]));
        let columns: String = columns.collect::<Vec<_>>().join(" ");
        let overrides = list(&panel["fieldConfig"]["overrides"]).iter();
        let properties = overrides.flat_map(|matched| list(&matched["properties"]));
        let links = properties.filter(|property| property["id"] == "links");
        for link in links.flat_map(|property| list(&property["value"])) {
            found += 1;
            if text(&link["url"]) != format!("{REPORTS}${{__data.fields.contract}}/batch/${{__data.fields.batch}}") {
                findings.push(format!("{name}, {}: a link to {}", panel["title"], link["url"]));
            }
            if !columns.contains("contract") || !columns.contains("batch_id AS batch") {
                findings.push(format!(
                    "{name}, {}: it does not ask for its link's parts",
                    panel["title"]
                ));
            }
        }
    }
    none(&findings, "a link of a row that leads nowhere");
    assert!(found >= 2, "{found} tables lead to reports");
}

/// The values of a key in a YAML file, whatever they belong to.
fn values<'a>(yaml: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    yaml.lines().filter_map(move |line| {
        line.trim_start()
            .trim_start_matches("- ")
            .strip_prefix(key)?
            .strip_prefix(": ")
    })
}

#[test]
fn every_rule_has_a_page_and_a_test_and_every_page_a_rule() {
    let rules = read(RULES);
    let tests = read("grafana/prometheus/tests/muster_test.yml");
    let index = read("docs/runbooks/README.md");
    let alerts: Vec<&str> = values(&rules, "alert").collect();
    let pages: Vec<&str> = values(&rules, "runbook_url").collect();
    assert_eq!(alerts.len(), pages.len(), "an alert without a runbook_url");
    let mut findings = Vec::new();
    let mut unused = files_of("docs/runbooks");
    unused.remove("README.md");
    for (alert, page) in alerts.iter().zip(&pages) {
        let file = page.strip_prefix("docs/runbooks/").unwrap_or_default();
        if !unused.remove(file) {
            findings.push(format!("{alert}: no page `{page}` of its own"));
        }
        if !index.contains(&format!("| {alert} | [{file}]({file}) |")) {
            findings.push(format!("{alert}: not in docs/runbooks/README.md"));
        }
        let expected = tests.split("alertname: ").skip(1).any(|test| {
            let (name, rest) = test.split_once('\n').unwrap_or_default();
            name == *alert && rest.trim_start().starts_with("exp_alerts:")
        });
        if !expected {
            findings.push(format!("{alert}: no test in which it fires"));
        }
    }
    findings.extend(
        unused
            .iter()
            .map(|page| format!("docs/runbooks/{page}: no rule leads there")),
    );
    none(
        &findings,
        "a rule without its page and test, or a page without its rule",
    );
}

/// Runs a program of the packages that the tests need; `None`, said loudly, where it is not installed.
fn run(program: &str, arguments: &[&str]) -> Option<std::process::Output> {
    let ran = Command::new(program).args(arguments).current_dir(root()).output();
    match ran {
        Ok(output) => Some(output),
        Err(error) => {
            let required = std::env::var_os("MUSTER_REQUIRE_PROMETHEUS").is_some_and(|required| required == "1");
            assert!(!required || program == "npm", "`{program}`: {error}");
            eprintln!("\n*** NOT TESTED HERE, for want of `{program}` ***\n");
            None
        }
    }
}

fn succeeded(output: &std::process::Output) {
    let said = [&output.stdout[..], &output.stderr[..]]
        .map(String::from_utf8_lossy)
        .concat();
    assert!(output.status.success(), "{said}");
}

#[test]
fn prometheus_own_tool_accepts_configuration_and_rules_and_their_tests_pass() {
    let given: [&[&str]; 3] = [
        &["check", "config", "grafana/prometheus/prometheus.yml"],
        &["check", "rules", RULES],
        &["test", "rules", "grafana/prometheus/tests/muster_test.yml"],
    ];
    for arguments in given {
        let Some(output) = run("promtool", arguments) else {
            return;
        };
        succeeded(&output);
    }
}

#[test]
fn dashboards_fit_grafanas_own_types_and_one_that_does_not_is_found() {
    if run("npm", &["--version"]).is_none() {
        return;
    }
    let check = |folder: &Path| run("tests/dashboards/check.sh", &[&folder.to_string_lossy()]).expect("a script");
    succeeded(&check(&root().join("grafana/dashboards")));

    let altered = std::env::temp_dir().join(format!("muster-dashboards-{}", std::process::id()));
    std::fs::create_dir_all(&altered).expect("a folder");
    let board = read("grafana/dashboards/scoring.json");
    let wrong = board.replacen("\"gridPos\": {\n        \"x\"", "\"gridPos\": {\n        \"left\"", 1);
    assert_ne!(board, wrong);
    std::fs::write(altered.join("wrong.json"), wrong).expect("a file");
    let output = check(&altered);
    std::fs::remove_dir_all(&altered).expect("removed");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("left"), "{said}");
}
