//! Quality reports: of a file while it is judged, of a batch or a day from the ledger and its files; over HTTP too.
//!
//! Used by `validate --report`, `muster report` and every long-running command. Here a report is filled;
//! `muster-report` shows it. A personal value is masked where rows are gathered, see [`gathering`].

mod admission;
mod gathering;
mod of_file;
mod of_ledger;
mod places;
mod routes;
mod sealed;
mod trail;
mod words;

use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::Utc;
use muster_report::{
    ContractFacts, Expected, FORM, FileRef, Link, Report, RuleResult, Status, Subject, Timeline, Totals,
};
use muster_spec::Contract;
use muster_store::Role;

use crate::cli::{HttpArgs, LinkArgs};
use crate::http::{self, Process};
use crate::project::Project;
use crate::servers::{self, Database};

pub use of_file::OfFile;
pub use of_ledger::Reporter;
pub use places::Places;
pub use routes::Routes;

use gathering::Gathering;

/// What a report is put together from, beside what was gathered of its rows.
struct Parts {
    subject: Subject,
    versions: Vec<String>,
    totals: Totals,
    expectations: Vec<Expected>,
    /// With their rows counted; shares and order come here.
    rules: Vec<RuleResult>,
    timeline: Timeline,
    files: Vec<FileRef>,
    files_left_out: u64,
    links: Vec<Link>,
    notes: Vec<String>,
}

impl Parts {
    fn report(mut self, contract: &Contract, gathering: &Gathering) -> Report {
        let judged = self.totals.judged().max(1) as f64;
        for rule in &mut self.rules {
            rule.share = rule.rows as f64 / judged;
        }
        words::sort(&mut self.rules);
        Report {
            report: FORM,
            muster: env!("CARGO_PKG_VERSION").to_owned(),
            made_at: words::moment(Utc::now()),
            subject: self.subject,
            contract: ContractFacts {
                name: contract.name.to_string(),
                topic: contract.topic.clone(),
                versions: self.versions,
            },
            status: Status::of(&self.totals, &self.expectations),
            totals: self.totals,
            expectations: self.expectations,
            rules: self.rules,
            timeline: self.timeline,
            profiled: gathering.profiled(),
            columns: gathering.columns(),
            samples: gathering.samples(),
            files: self.files,
            files_left_out: self.files_left_out,
            links: self.links,
            notes: self.notes,
        }
    }
}

/// Answers HTTP for a long-running command; the reports have connections of their own and the rights of its role.
pub async fn answer(
    project: &Project,
    database: &Database,
    role: Role,
    (http, link): (&HttpArgs, &LinkArgs),
    process: &Process,
) -> anyhow::Result<()> {
    let places = Places::of(link)?.served();
    let reporter = Reporter::new(project, database.ledger(role).await?, places);
    let routes = Routes::new(reporter, servers::http_token(http)?);
    http::start(&http.address, process.clone(), routes).await
}

/// Writes a report as HTML to this file and as JSON beside it; the two paths.
pub fn write(report: &Report, page: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
    let data = page.with_extension("json");
    for (path, text) in [
        (page, muster_report::html(report)?),
        (&*data, muster_report::json(report)?),
    ] {
        std::fs::write(path, text).with_context(|| format!("could not write `{}`", path.display()))?;
    }
    Ok((page.to_owned(), data))
}
