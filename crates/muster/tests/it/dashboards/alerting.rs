//! The shipped files of Prometheus and Alertmanager with a test's addresses and a test's patience put in: nothing else
//! of them is changed.

use super::boards::repository;

/// How Prometheus finds the processes where compose runs them.
const DISCOVERY: &str = "    dns_sd_configs:
      - names: [muster]
        type: A
        port: 8000
        refresh_interval: 30s
";

pub struct Files {
    scrape: String,
    rules: String,
    routes: String,
}

impl Files {
    pub fn read() -> Self {
        let read = |path: &str| std::fs::read_to_string(repository(path)).unwrap();
        Self {
            scrape: read("grafana/prometheus/prometheus.yml"),
            rules: read("grafana/prometheus/rules/muster.yml"),
            routes: read("grafana/alertmanager/alertmanager.yml"),
        }
    }

    /// Scrapes and judges every second; tells this Alertmanager.
    pub fn scrape(&self, muster: &str, alertmanager: &str) -> String {
        let found = format!("    static_configs:\n      - targets: [\"{muster}\"]\n");
        let scrape = put(&self.scrape, DISCOVERY, &found);
        let scrape = put(&scrape, "alertmanager:9093", alertmanager);
        put(
            &put(&scrape, ": 15s", ": 1s"),
            "scrape_timeout: 10s",
            "scrape_timeout: 1s",
        )
    }

    /// The rules, which here wait a second for what they wait minutes for.
    pub fn rules(&self) -> String {
        let patient = |line: &str| match line.find("for: ") {
            Some(at) if line.trim_start().starts_with("for: ") => format!("{}for: 1s", &line[..at]),
            _ => line.to_owned(),
        };
        let lines: Vec<String> = self.rules.lines().map(patient).collect();
        lines.join("\n") + "\n"
    }

    /// The routes to this receiver. A webhook's URL in a file is newer than Debian's Alertmanager.
    pub fn routes(&self, receiver: &str) -> String {
        let url = format!("url: {receiver}");
        let routes = put(&self.routes, "url_file: /run/secrets/alert_webhook_url", &url);
        put(
            &put(&routes, "group_wait: 30s", "group_wait: 1s"),
            "group_interval: 5m",
            "group_interval: 1s",
        )
    }
}

fn put(text: &str, was: &str, is: &str) -> String {
    assert!(text.contains(was), "`{was}` is not in the file any more");
    text.replace(was, is)
}
