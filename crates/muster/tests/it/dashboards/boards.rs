//! The dashboards' files, and their queries as Grafana would send them.

use std::path::PathBuf;

use serde_json::Value;

/// One query of a panel.
pub struct Query {
    /// Dashboard and panel, for people.
    pub place: String,
    pub text: String,
}

/// What a dashboard asks.
pub struct Board {
    /// Name and statement of those that the ledger answers, in the order they build on each other.
    pub variables: Vec<(String, String)>,
    /// Statements for the ledger.
    pub statements: Vec<Query>,
    /// Expressions for Prometheus.
    pub expressions: Vec<Query>,
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// All dashboards.
pub fn boards() -> Vec<Board> {
    let files = std::fs::read_dir(repository("grafana/dashboards")).unwrap();
    let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    let boards: Vec<Board> = paths.iter().map(read).collect();
    assert!(boards.len() >= 3, "{} dashboards", boards.len());
    boards
}

fn read(path: &PathBuf) -> Board {
    let board: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let name = board["title"].as_str().unwrap();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut statements = Vec::new();
    let mut expressions = Vec::new();
    for panel in list(&board["panels"]) {
        let place = format!("{name} / {}", panel["title"].as_str().unwrap());
        for target in list(&panel["targets"]) {
            let query = |text| Query {
                place: place.clone(),
                text,
            };
            statements.extend(text(&target["rawSql"]).map(query));
            expressions.extend(text(&target["expr"]).map(query));
        }
    }
    let variables = list(&board["templating"]["list"]).into_iter();
    Board {
        variables: variables
            .filter(|variable| variable["type"] == "query")
            .map(|variable| (text(&variable["name"]).unwrap(), text(&variable["query"]).unwrap()))
            .collect(),
        statements,
        expressions,
    }
}

/// A variable and its chosen values.
pub type Chosen = [(String, Vec<String>)];

/// A statement with Grafana's macros and the variables written out, over the last `days`, by `interval`.
pub fn statement(text: &str, chosen: &Chosen, days: u32, interval: &str) -> String {
    let mut text = text.replace("$__interval", interval);
    for (name, values) in chosen {
        let quoted: Vec<String> = values
            .iter()
            .map(|value| format!("'{}'", value.replace('\'', "''")))
            .collect();
        text = text.replace(&format!("${name}"), &quoted.join(","));
    }
    let text = macros(&text, "$__timeFilter", |column| {
        format!("{column} BETWEEN now() - interval '{days} days' AND now()")
    });
    assert!(!text.contains('$'), "something is left to write out: {text}");
    text
}

/// An expression with the variables as Grafana writes several values into a regular expression.
pub fn expression(text: &str, chosen: &Chosen, interval: &str) -> String {
    let mut text = text.replace("$__rate_interval", interval);
    for (name, values) in chosen {
        let escaped: Vec<String> = values.iter().map(|value| value.replace('.', r"\\.")).collect();
        text = text.replace(&format!("${name}"), &format!("({})", escaped.join("|")));
    }
    assert!(!text.contains('$'), "something is left to write out: {text}");
    text
}

fn macros(text: &str, name: &str, write: impl Fn(&str) -> String) -> String {
    let opening = format!("{name}(");
    let mut parts = text.split(&opening);
    let mut written = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (arguments, rest) = part.split_once(')').unwrap();
        written += &write(arguments);
        written += rest;
    }
    written
}

/// Every name of ours in an expression.
pub fn metric_names(expression: &str) -> Vec<String> {
    let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    expression
        .split(|letter| !word(letter))
        .filter(|part| part.starts_with("muster_"))
        .map(str::to_owned)
        .collect()
}
