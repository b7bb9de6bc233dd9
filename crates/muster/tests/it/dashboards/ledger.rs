//! A ledger as Grafana sees it: through the role that may only read.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::boards::{Board, Chosen, Query, statement};
use crate::program::{muster, run};

/// Text of a statement that fills a ledger, with `BATCHES` and `ROWS` to put in.
const FILL: &str = include_str!("fill.sql");

pub struct Ledger {
    pub url: String,
}

impl Ledger {
    pub fn new(url: String) -> Self {
        Self { url }
    }

    pub fn migrate(&self) {
        program(&self.url, &["migrate"]);
    }

    /// A month of a busy ledger, with what can go wrong in a month.
    pub fn fill(&self, batches: u32, rows: u32) {
        let filled = FILL
            .replace("BATCHES", &batches.to_string())
            .replace("ROWS", &rows.to_string());
        program(&self.url, &["psql", "-c", &filled]);
    }

    /// The values of a board's variables: all of them, as the dashboards choose at first.
    pub fn choose(&self, board: &Board) -> Vec<(String, Vec<String>)> {
        let mut chosen = Vec::new();
        for (name, query) in &board.variables {
            let values = self.copy(&statement(query, &chosen, 7, "10m"));
            let values: Vec<String> = values.lines().map(str::to_owned).collect();
            assert!(!values.is_empty(), "nothing to choose for `{name}`");
            chosen.push((name.clone(), values));
        }
        chosen
    }

    /// How many rows a panel gets over the last days.
    pub fn rows(&self, query: &Query, chosen: &Chosen, days: u32) -> u64 {
        let counted = format!(
            "SELECT count(*) FROM ({}) AS panel",
            statement(&query.text, chosen, days, "10m")
        );
        self.copy(&counted).trim().parse().unwrap()
    }

    /// How many rows a panel gets over the last days, and in how many milliseconds.
    pub fn explain(&self, query: &Query, chosen: &Chosen, days: u32) -> (u64, f64) {
        let asked = statement(&query.text, chosen, days, "1h");
        let explained = self.read(&format!("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {asked}"));
        // Psql's frame around the plan: a title, a line, `+` at the ends of lines, and the number of rows.
        let plan = explained.find('[').zip(explained.rfind(']'));
        let plan = plan
            .map(|(from, to)| explained[from..=to].replace("+\n", "\n"))
            .unwrap();
        let plan: Value = serde_json::from_str(&plan).unwrap_or_else(|error| panic!("{error}: {plan}"));
        let number = |value: &Value| value.as_f64().unwrap();
        (
            number(&plan[0]["Plan"]["Actual Rows"]) as u64,
            number(&plan[0]["Planning Time"]) + number(&plan[0]["Execution Time"]),
        )
    }

    /// Waits until a table has a row.
    pub fn wait_for(&self, table: &str, limit: Duration) {
        let begun = Instant::now();
        while self.copy(&format!("SELECT count(*) FROM {table}")).trim() == "0" {
            assert!(begun.elapsed() < limit, "`{table}` has no row");
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    fn copy(&self, statement: &str) -> String {
        self.read(&format!("COPY ({statement}) TO STDOUT"))
    }

    /// What a statement gives to the role that Grafana has.
    fn read(&self, statement: &str) -> String {
        let separator = if self.url.contains('?') { '&' } else { '?' };
        let url = format!("{}{separator}options=-c%20role%3Dmuster_read", self.url);
        program(&url, &["psql", "-c", statement])
    }
}

fn program(url: &str, arguments: &[&str]) -> String {
    let mut command = muster();
    command.args(arguments).env("DATABASE_URL", url);
    run(command).with_code(0).output
}

/// Says how long the slowest panels took.
#[expect(clippy::print_stderr, reason = "a figure to read, held against nothing")]
pub fn report(took: &[(f64, String)]) {
    for (millis, place) in took.iter().take(8) {
        eprintln!("{millis:8.1} ms  {place}");
    }
}
