//! The edges between our crates, and the owners of what comes from outside, from `cargo metadata`.

use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use crate::{none, root};

/// Who may use whom, without the common prefix `muster-`. The stage crates never use each other.
const EDGES: &[(&str, &[&str])] = &[
    ("spec", &[]),
    ("batch", &["spec"]),
    ("expr", &["batch", "spec"]),
    ("contract", &["batch", "expr", "spec"]),
    ("profile", &["batch", "contract", "expr", "spec"]),
    ("features", &["batch", "expr", "spec"]),
    ("stream", &["batch", "spec"]),
    ("registry", &["batch", "spec"]),
    ("store", &["batch", "spec"]),
    ("report", &[]),
    ("model", &["batch", "spec"]),
    ("monitor", &["batch", "spec"]),
    ("sandbox", &[]),
    (
        "muster",
        &[
            "batch", "contract", "expr", "features", "model", "monitor", "profile", "registry", "report", "sandbox",
            "spec", "store", "stream",
        ],
    ),
    (
        "tests",
        &[
            "batch", "contract", "expr", "features", "model", "monitor", "profile", "registry", "report", "sandbox",
            "spec", "store", "stream",
        ],
    ),
];

/// Which of our crates may use a dependency, by its name or by the beginning of its name and `*`; tests included.
const OWNERS: &[(&str, &[&str])] = &[
    ("rdkafka*", &["stream", "sandbox"]),
    ("tokio-postgres*", &["store"]),
    ("rustls*", &["store"]),
    ("deadpool*", &["store"]),
    ("refinery*", &["store"]),
    ("lightgbm*", &["model"]),
    ("datafusion", &["features"]),
    ("datafusion-*", &["expr", "features"]),
    ("object_store", &["features", "store"]),
    ("parquet", &["features", "muster", "store"]),
    ("reqwest", &["monitor", "muster", "registry"]),
    ("apache-avro", &["contract", "muster", "spec"]),
    ("arrow-avro", &["contract"]),
    ("saphyr*", &["spec"]),
    ("axum*", &["muster"]),
    ("askama*", &["report"]),
    ("prometheus", &["muster"]),
    ("clap*", &["muster"]),
    ("croner", &["muster"]),
    ("ratatui", &["muster"]),
];

/// Crates that know no clock, network or process: nothing that brings one along may be used there, tests excepted.
const PURE: &[&str] = &["spec", "batch", "expr", "contract", "profile"];
const IMPURE: &[&str] = &[
    "tokio", "futures*", "rand", "tempfile", "tracing*", "nix", "libc", "mio",
];

struct Dependency {
    from: String,
    to: String,
    for_tests: bool,
}

fn metadata() -> &'static Value {
    static METADATA: OnceLock<Value> = OnceLock::new();
    METADATA.get_or_init(|| {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        command
            .args(["metadata", "--offline", "--format-version", "1", "--no-deps"])
            .current_dir(root());
        let output = command.output().expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
    })
}

fn short(name: &str) -> &str {
    name.strip_prefix("muster-").unwrap_or(name)
}

fn packages() -> &'static Vec<Value> {
    metadata()["packages"].as_array().expect("packages")
}

/// Every dependency that a member declares.
fn dependencies() -> Vec<Dependency> {
    let mut all = Vec::new();
    for package in packages() {
        let from = package["name"].as_str().expect("a name");
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            all.push(Dependency {
                from: short(from).to_owned(),
                to: dependency["name"].as_str().expect("a name").to_owned(),
                for_tests: dependency["kind"] == "dev",
            });
        }
    }
    all
}

fn fits(pattern: &str, name: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == name, |beginning| name.starts_with(beginning))
}

/// Edges between our crates that are not drawn.
fn stray_edges(dependencies: &[Dependency]) -> Vec<String> {
    let mut findings = Vec::new();
    for Dependency { from, to, for_tests } in dependencies.iter().filter(|edge| edge.to.starts_with("muster")) {
        let allowed = EDGES
            .iter()
            .find(|(name, _)| name == from)
            .map_or(&[][..], |(_, to)| to);
        let sandbox_in_tests = *for_tests && to == "muster-sandbox";
        if !allowed.contains(&short(to)) && !sandbox_in_tests {
            findings.push(format!("`{from}` uses `{to}`"));
        }
    }
    findings
}

/// Uses of a dependency by another crate than its owners.
fn strangers(dependencies: &[Dependency]) -> Vec<String> {
    let mut findings = Vec::new();
    for Dependency { from, to, .. } in dependencies {
        for (pattern, owners) in OWNERS.iter().filter(|(pattern, _)| fits(pattern, to)) {
            if !owners.contains(&from.as_str()) {
                findings.push(format!("`{from}` uses `{to}`, which `{pattern}` gives to {owners:?}"));
            }
        }
    }
    findings
}

#[test]
fn our_crates_use_each_other_only_along_the_drawn_edges() {
    let names = packages().iter().filter_map(|package| package["name"].as_str());
    let mut findings: Vec<String> = names
        .filter(|name| !EDGES.iter().any(|(from, _)| *from == short(name)))
        .map(|name| format!("`{name}` is not in the drawing"))
        .collect();
    findings.extend(stray_edges(&dependencies()));
    none(&findings, "an edge between crates that ARCHITECTURE.md does not draw");
}

#[test]
fn a_heavy_dependency_is_used_by_its_owner_only() {
    none(&strangers(&dependencies()), "a dependency outside its owner");
}

#[test]
fn a_stray_edge_and_a_stranger_are_found() {
    let edge = |from: &str, to: &str, for_tests| Dependency {
        from: from.to_owned(),
        to: to.to_owned(),
        for_tests,
    };
    let edges = [
        edge("contract", "muster-store", false),
        edge("batch", "muster-expr", true),
        edge("store", "muster-sandbox", false),
        edge("store", "muster-sandbox", true),
        edge("contract", "muster-expr", false),
        edge("muster", "tokio-postgres", false),
        edge("contract", "datafusion-sql", false),
        edge("store", "tokio-postgres", false),
    ];
    let stray = [
        "`contract` uses `muster-store`",
        "`batch` uses `muster-expr`",
        "`store` uses `muster-sandbox`",
    ];
    assert_eq!(stray_edges(&edges), stray);
    assert_eq!(strangers(&edges).len(), 2, "{:?}", strangers(&edges));
}

#[test]
fn the_owners_table_names_only_what_is_used() {
    let used = dependencies();
    let unused = OWNERS
        .iter()
        .filter(|(pattern, _)| !used.iter().any(|dependency| fits(pattern, &dependency.to)));
    // `object_store` is written down before its first use: it must never come in by another door.
    let findings: Vec<String> = unused
        .map(|(pattern, _)| (*pattern).to_owned())
        .filter(|pattern| pattern != "object_store")
        .collect();
    none(&findings, "an owner of something that nobody uses");
}

#[test]
fn judging_has_no_way_to_the_clock_or_the_network() {
    let mut findings = Vec::new();
    for Dependency { from, to, for_tests } in dependencies() {
        if PURE.contains(&from.as_str()) && !for_tests && IMPURE.iter().any(|pattern| fits(pattern, &to)) {
            findings.push(format!("`{from}` uses `{to}`"));
        }
    }
    none(&findings, "a crate that must know no clock, network or environment");
}

#[test]
fn every_member_takes_the_workspaces_lints_and_versions() {
    let mut findings = Vec::new();
    for package in packages() {
        let path = package["manifest_path"].as_str().expect("a path");
        let manifest = std::fs::read_to_string(path).expect("a manifest");
        if !manifest.contains("[lints]\nworkspace = true") {
            findings.push(format!("{path}: no [lints] workspace = true"));
        }
        let mut in_dependencies = false;
        for (number, line) in manifest.lines().enumerate() {
            if line.starts_with('[') {
                in_dependencies = line.contains("dependencies");
            } else if in_dependencies && line.contains('=') && !line.contains("workspace = true") {
                findings.push(format!("{path}:{}: a version of its own", number + 1));
            }
        }
    }
    none(&findings, "a member outside the workspace's rules");
}
