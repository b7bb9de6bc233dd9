//! Where reports and what belongs to them are reached.
//!
//! A report that is served names its neighbours by where they lie from it, so that it works behind any proxy. One that
//! is a file names them by the public address where there is one, else by the command that makes them.

use anyhow::bail;
use chrono::{NaiveDate, NaiveTime, TimeDelta};
use muster_report::Link;
use muster_spec::ContractName;
use muster_store::ledger::report::Scope;

use crate::cli::LinkArgs;

/// Addresses, as far as they are known.
#[derive(Clone, Debug, Default)]
pub struct Places {
    public: Option<String>,
    grafana: Option<String>,
    runbooks: Option<String>,
    served: bool,
}

impl Places {
    /// The addresses of the command line.
    pub fn of(link: &LinkArgs) -> anyhow::Result<Self> {
        Ok(Self {
            public: address(link.public_url.as_deref(), "--public-url")?,
            grafana: address(link.grafana_url.as_deref(), "--grafana-url")?,
            runbooks: address(link.runbook_url.as_deref(), "--runbook-url")?,
            served: false,
        })
    }

    /// The same for reports that are answered over HTTP.
    #[must_use]
    pub fn served(mut self) -> Self {
        self.served = true;
        self
    }

    /// A neighbour of the report on `from`.
    pub fn neighbour(&self, label: &str, contract: &ContractName, from: &Scope, to: &Scope) -> Link {
        let relative = || {
            let up = match from {
                Scope::Batch(_) => "../",
                Scope::Day(_) => "",
            };
            match to {
                Scope::Batch(batch) => format!("{up}batch/{batch}"),
                Scope::Day(day) => format!("{up}{day}"),
            }
        };
        let public = || {
            let root = self.public.as_deref()?;
            Some(format!("{root}/reports/{contract}/{}", path_of(to)))
        };
        let url = if self.served { Some(relative()) } else { public() };
        let command = match to {
            Scope::Batch(batch) => format!("muster report --contract {contract} --batch {batch}"),
            Scope::Day(day) => format!("muster report --contract {contract} --day {day}"),
        };
        Link {
            label: label.to_owned(),
            command: url.is_none().then_some(command),
            url,
        }
    }

    /// The list of all reports.
    pub fn all(&self, from: &Scope) -> Option<Link> {
        let up = match from {
            Scope::Batch(_) => "../..",
            Scope::Day(_) => "..",
        };
        let url = match (self.served, &self.public) {
            (true, _) => format!("{up}/"),
            (false, Some(root)) => format!("{root}/reports/"),
            (false, None) => return None,
        };
        Some(link("All reports", url))
    }

    /// The dashboard of data quality over a day.
    pub fn dashboard(&self, contract: &ContractName, day: NaiveDate) -> Option<Link> {
        let root = self.grafana.as_deref()?;
        let from = day.and_time(NaiveTime::MIN).and_utc();
        let to = from + TimeDelta::days(1);
        let url = format!(
            "{root}/d/muster-quality?var-contract={contract}&from={}&to={}",
            from.timestamp_millis(),
            to.timestamp_millis()
        );
        Some(link("Grafana", url))
    }

    /// What to do about too many bad rows.
    pub fn runbook(&self) -> Option<Link> {
        let root = self.runbooks.as_deref()?;
        Some(link("Runbook: bad rows", format!("{root}/bad-ratio.md")))
    }
}

fn link(label: &str, url: String) -> Link {
    Link {
        label: label.to_owned(),
        url: Some(url),
        command: None,
    }
}

/// Where a report lies below its contract's.
fn path_of(scope: &Scope) -> String {
    match scope {
        Scope::Batch(batch) => format!("batch/{batch}"),
        Scope::Day(day) => day.to_string(),
    }
}

/// An address to build on: of the web, without what ends it.
fn address(given: Option<&str>, flag: &str) -> anyhow::Result<Option<String>> {
    let Some(given) = given else { return Ok(None) };
    let is_web = given.starts_with("https://") || given.starts_with("http://");
    if !is_web || given.contains(['?', '#', '"', '<', ' ']) {
        bail!("{flag} is no address to build on\n  hint: as in `https://muster.example`, without `?` and `#`");
    }
    Ok(Some(given.trim_end_matches('/').to_owned()))
}
