//! The report on a batch, or on what was committed on a day: counts from the ledger, rows from the sealed files.
//!
//! Used by `muster report` and over HTTP.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{NaiveDate, Utc};
use muster_report::{
    Bucket, Expected, FileRef, Index, IndexContract, IndexEntry, Link, Report, RuleResult, RuleSeverity, Subject,
    Timeline, TimelineAxis, Totals,
};
use muster_spec::{BatchId, Contract, ContractName, RuleNumber};
use muster_store::files::FileStore;
use muster_store::ledger::counts::Counts;
use muster_store::ledger::report::{Recent, ReportedBatch, ReportedFile, Scope};
use muster_store::{FolderStore, Ledger};
use tokio::runtime::Handle;

use super::gathering::{Gathering, POSITIONS_MAX};
use super::sealed::{Sealed, position};
use super::{Parts, Places, words};
use crate::ingest::schemas::kept;
use crate::project::Project;
use crate::reading::Reading;

/// Files that are named.
const FILES_MAX: usize = 100;
/// Days and batches of a contract in the list of reports.
const RECENT_MAX: u32 = 14;
const HOURS: usize = 24;

/// Makes reports from a ledger and its files. Cheap to clone.
#[derive(Clone)]
pub struct Reporter {
    ledger: Ledger,
    files: Arc<FolderStore>,
    contracts: Vec<Arc<Contract>>,
    places: Places,
}

/// What a report is about, as the ledger knows it.
enum About {
    Batch(BatchId, ReportedBatch),
    Day(NaiveDate),
}

/// What the ledger says, before a file was opened.
struct Facts {
    about: About,
    batches: u64,
    counts: Counts,
    versions: Vec<String>,
    hours: Vec<(u32, Counts)>,
    rules: Vec<RuleResult>,
    expectations: Vec<Expected>,
    files: Vec<ReportedFile>,
    removed_rows: u64,
    links: Vec<Link>,
    /// Keeps the files there until they are read.
    reading: Option<Reading>,
}

impl Reporter {
    /// A reporter on a project's contracts.
    pub fn new(project: &Project, ledger: Ledger, places: Places) -> Self {
        Self {
            ledger,
            files: Arc::new(FolderStore::new(&project.folder)),
            contracts: project.contracts.clone(),
            places,
        }
    }

    /// The contract of a name.
    pub fn contract(&self, name: &str) -> Option<&Arc<Contract>> {
        self.contracts.iter().find(|contract| contract.name.as_str() == name)
    }

    /// The last day on which batches of a contract were committed.
    pub async fn last_day(&self, contract: &ContractName) -> anyhow::Result<Option<NaiveDate>> {
        let days = self.ledger.recent_days(contract, None, 1).await?;
        Ok(days.first().map(|day| day.of))
    }

    /// What there is a report of.
    pub async fn index(&self) -> anyhow::Result<Index> {
        let mut contracts = Vec::new();
        for contract in &self.contracts {
            let name = &contract.name;
            let days = self.ledger.recent_days(name, None, RECENT_MAX).await?;
            let batches = self.ledger.recent_batches(name, RECENT_MAX).await?;
            if days.is_empty() {
                continue;
            }
            contracts.push(IndexContract {
                name: name.to_string(),
                days: days
                    .iter()
                    .map(|day| entry(day, &format!("{name}/{}", day.of)))
                    .collect(),
                batches: batches
                    .iter()
                    .map(|batch| entry(batch, &format!("{name}/batch/{}", batch.of)))
                    .collect(),
            });
        }
        Ok(Index {
            made_at: words::moment(Utc::now()),
            contracts,
        })
    }

    /// A report; `None` where the contract has no such batch.
    pub async fn report(&self, contract: &Arc<Contract>, scope: &Scope) -> anyhow::Result<Option<Report>> {
        let Some(facts) = self.facts(contract, scope).await? else {
            return Ok(None);
        };
        let (reporter, contract) = (self.clone(), Arc::clone(contract));
        let runtime = Handle::current();
        // Decoding and hashing are work for a thread of their own.
        let made = tokio::task::spawn_blocking(move || reporter.read(&contract, facts, &runtime)).await?;
        made.map(Some)
    }

    async fn facts(&self, contract: &Contract, scope: &Scope) -> anyhow::Result<Option<Facts>> {
        let (ledger, name) = (&self.ledger, &contract.name);
        let about = match scope {
            Scope::Batch(id) => match ledger.reported_batch(name, *id).await? {
                None => return Ok(None),
                Some(batch) => About::Batch(*id, batch),
            },
            Scope::Day(day) => About::Day(*day),
        };
        let links = self.links(name, scope, &about).await?;
        let (batches, counts) = ledger.reported_counts(name, scope).await?;
        let reading = Reading::open(ledger, name, "report").await?;
        Ok(Some(Facts {
            batches,
            counts,
            versions: ledger.reported_versions(name, scope).await?,
            hours: ledger.reported_hours(name, scope).await?,
            rules: self.rules(contract, scope).await?,
            expectations: self.expectations(contract, scope).await?,
            files: ledger.reported_files(name, scope).await?,
            removed_rows: ledger.reported_removed(name, scope).await?,
            about,
            links,
            reading,
        }))
    }

    /// All rules of the contract, and those that only an older version had, with what the ledger counted.
    async fn rules(&self, contract: &Contract, scope: &Scope) -> anyhow::Result<Vec<RuleResult>> {
        let mut rules: Vec<RuleResult> = contract.rules.iter().map(|rule| words::rule(contract, rule)).collect();
        let mut places: HashMap<String, usize> = HashMap::new();
        for (at, rule) in rules.iter().enumerate() {
            places.insert(rule.id.clone(), at);
        }
        for hour in self.ledger.reported_rules(&contract.name, scope).await? {
            let at = *places.entry(hour.rule.clone()).or_insert_with(|| {
                rules.push(RuleResult {
                    asks: "not in the contract any more".to_owned(),
                    ..unknown_rule(&hour.rule, hour.is_warning)
                });
                rules.len() - 1
            });
            let rule = &mut rules[at];
            rule.rows += hour.rows;
            if matches!(scope, Scope::Day(_)) {
                rule.over.resize(HOURS, 0);
                rule.over[hour.hour as usize % HOURS] += hour.rows;
            }
        }
        let sampled = self
            .ledger
            .reported_positions(&contract.name, scope, POSITIONS_MAX as u32);
        for sample in sampled.await? {
            if let Some(at) = places.get(&sample.rule) {
                rules[*at].positions.push(position(sample.partition, sample.offset));
            }
        }
        Ok(rules)
    }

    async fn expectations(&self, contract: &Contract, scope: &Scope) -> anyhow::Result<Vec<Expected>> {
        let mut all = Vec::new();
        for expectation in &contract.expectations {
            let ends = (expectation.min, expectation.max);
            let asked = self
                .ledger
                .reported_measures(&contract.name, scope, &expectation.id, ends);
            let measured = asked.await?;
            let mut expected = words::expected(contract, expectation);
            expected.measured = words::furthest(expectation, measured.least, measured.greatest);
            expected.batches = measured.batches;
            expected.missed = measured.missed;
            all.push(expected);
        }
        Ok(all)
    }

    async fn links(&self, contract: &ContractName, scope: &Scope, about: &About) -> anyhow::Result<Vec<Link>> {
        let neighbour = |label: &str, to: Scope| self.places.neighbour(label, contract, scope, &to);
        let mut links: Vec<Link> = self.places.all(scope).into_iter().collect();
        let day = match about {
            About::Day(day) => {
                let before = day.pred_opt();
                let before = self.ledger.recent_days(contract, before, 1).await?;
                links.extend(
                    before
                        .first()
                        .map(|found| neighbour(&format!("Day before, {}", found.of), Scope::Day(found.of))),
                );
                let next = self.ledger.next_day(contract, *day).await?;
                links.extend(next.map(|next| neighbour(&format!("Day after, {next}"), Scope::Day(next))));
                *day
            }
            About::Batch(_, batch) => {
                let day = batch.committed_at.date_naive();
                links.push(neighbour(&format!("Its day, {day}"), Scope::Day(day)));
                for (label, id) in [("Batch before", batch.previous), ("Batch after", batch.next)] {
                    links.extend(id.map(|id| neighbour(&format!("{label}, {id}"), Scope::Batch(id))));
                }
                day
            }
        };
        links.extend(self.places.dashboard(contract, day));
        links.extend(self.places.runbook());
        Ok(links)
    }

    /// Reads the files and puts the report together; blocks.
    fn read(&self, contract: &Arc<Contract>, facts: Facts, runtime: &Handle) -> anyhow::Result<Report> {
        let find = |id| runtime.block_on(kept(&self.ledger, id));
        let (from, to) = match &facts.about {
            About::Batch(_, batch) => batch.delta.unwrap_or_default(),
            About::Day(_) => (0, 0),
        };
        let mut gathering = Gathering::new(Arc::clone(contract));
        let files: &dyn FileStore = &*self.files;
        let mut notes = Sealed::new(files, contract, &find, from)?.gather(&facts.files, &mut gathering);
        if let Some(reading) = facts.reading {
            runtime.block_on(reading.close());
        }
        notes.extend(removed(facts.removed_rows));
        let stretches = gathering.trail.stretches((to - from).max(0) as u64);
        let mut rules = facts.rules;
        // Those beyond the contract's are an older version's, and no row that is read breaks them.
        for (at, rule) in rules.iter_mut().enumerate().take(contract.rules.len()) {
            let number = RuleNumber(at as u16);
            rule.values = gathering.values(number);
            if let About::Batch(..) = facts.about {
                rule.over = gathering.trail.of_rule(number, stretches.len());
            }
        }
        let timeline = match facts.about {
            About::Batch(..) => by_offset(from, &stretches),
            About::Day(_) => by_hour(&facts.hours),
        };
        let parts = Parts {
            subject: subject(facts.about, facts.batches),
            versions: facts
                .versions
                .iter()
                .map(|version| version.chars().take(12).collect())
                .collect(),
            totals: totals(&facts.counts),
            expectations: facts.expectations,
            rules,
            timeline,
            files_left_out: facts.files.len().saturating_sub(FILES_MAX) as u64,
            files: facts.files.iter().take(FILES_MAX).map(file).collect(),
            links: facts.links,
            notes,
        };
        Ok(parts.report(contract, &gathering))
    }
}

fn unknown_rule(id: &str, is_warning: bool) -> RuleResult {
    RuleResult {
        id: id.to_owned(),
        severity: if is_warning {
            RuleSeverity::Warn
        } else {
            RuleSeverity::Error
        },
        field: None,
        asks: String::new(),
        rows: 0,
        share: 0.0,
        over: Vec::new(),
        positions: Vec::new(),
        values: None,
    }
}

fn subject(about: About, batches: u64) -> Subject {
    match about {
        About::Batch(BatchId(id), batch) => Subject::Batch {
            batch: id,
            topic: batch.topic,
            partition: batch.partition,
            from: batch.delta.map(|(from, _)| from),
            to: batch.delta.map(|(_, to)| to),
            revision: batch.revision,
            committed_at: words::moment(batch.committed_at),
        },
        About::Day(day) => Subject::Day {
            day: day.to_string(),
            batches,
        },
    }
}

fn by_offset(from: i64, stretches: &[(u64, u64, u64)]) -> Timeline {
    let bucket = |(place, _, bad): &(u64, u64, u64)| Bucket {
        from: (from + *place as i64).to_string(),
        rows: None,
        bad: *bad,
    };
    Timeline {
        axis: TimelineAxis::Offset,
        buckets: stretches.iter().map(bucket).collect(),
    }
}

fn by_hour(hours: &[(u32, Counts)]) -> Timeline {
    let bucket = |hour: usize| {
        let counts = hours.iter().find(|(at, _)| *at as usize == hour);
        let (rows, bad) = counts.map_or((0, 0), |(_, counts)| (counts.good + counts.bad, counts.bad));
        Bucket {
            from: format!("{hour:02}:00"),
            rows: Some(rows),
            bad,
        }
    };
    Timeline {
        axis: TimelineAxis::Hour,
        buckets: (0..HOURS).map(bucket).collect(),
    }
}

/// That rows were counted which are not there any more.
fn removed(rows: u64) -> Option<String> {
    (rows > 0).then(|| {
        format!("{rows} rows are past their age and gone: they are counted and not looked at for fields and samples.")
    })
}

fn totals(counts: &Counts) -> Totals {
    Totals {
        received: counts.received,
        good: counts.good,
        bad: counts.bad,
        duplicate: counts.duplicate,
        tombstone: counts.tombstone,
        repaired: counts.repaired,
    }
}

fn file(reported: &ReportedFile) -> FileRef {
    FileRef {
        kind: if reported.is_good { "good" } else { "bad" }.to_owned(),
        path: reported.file.path.clone(),
        rows: reported.file.rows,
        bytes: Some(reported.bytes),
    }
}

fn entry<T: std::fmt::Display>(recent: &Recent<T>, url: &str) -> IndexEntry {
    IndexEntry {
        name: recent.of.to_string(),
        url: url.to_owned(),
        totals: totals(&recent.counts),
    }
}
