//! The report on a file that was held against a contract.
//!
//! Used by `validate --report`. Gathered on the judging thread, run by run, from what judging made anyway: the file is
//! read once.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use chrono::Utc;
use muster_batch::{JudgedBatch, Origin, RawLines, Refusal};
use muster_contract::judge::Expectations;
use muster_contract::lines::ColumnsFit;
use muster_report::{Bucket, FileRef, Report, Subject, Timeline, TimelineAxis, Totals};
use muster_spec::{Contract, RuleNumber};
use muster_store::files::Validated;

use super::gathering::{BadRow, Gathering};
use super::{Parts, words};

/// What is gathered of a file.
pub struct OfFile {
    contract: Arc<Contract>,
    gathering: Gathering,
    expectations: Expectations,
    /// The file's column of each field.
    columns: Vec<Option<usize>>,
    rules: Vec<RuleNumber>,
}

/// A bad line.
struct BadLine<'l> {
    lines: &'l RawLines,
    columns: &'l [Option<usize>],
    line: usize,
    refusal: Option<Refusal>,
}

impl BadRow for BadLine<'_> {
    fn position(&self) -> String {
        format!("line {}", self.lines.lines[self.line])
    }

    fn text(&self, field: usize) -> Option<Cow<'_, str>> {
        let column = self.columns[field].filter(|column| *column < self.lines.width)?;
        self.lines.cell(self.line, column).map(String::from_utf8_lossy)
    }

    fn refused(&self) -> Option<&str> {
        self.refusal.map(Refusal::code)
    }
}

impl OfFile {
    /// Nothing yet, of a file with these columns.
    pub fn new(contract: &Arc<Contract>, header: &[String]) -> Self {
        let fit = ColumnsFit::new(contract, header.to_vec(), contract.text_format.delimiter);
        Self {
            columns: fit.map_or_else(|_| vec![None; contract.fields.len()], |fit| fit.order),
            gathering: Gathering::new(Arc::clone(contract)),
            expectations: Expectations::new(contract),
            contract: Arc::clone(contract),
            rules: Vec::new(),
        }
    }

    /// Adds judged lines.
    pub fn add(&mut self, judged: &JudgedBatch) {
        self.gathering.good(&judged.good);
        self.expectations.add(judged);
        let Origin::Lines(lines) = &judged.origin else { return };
        for (at, &line) in judged.bad_records.iter().enumerate() {
            let line = line as usize;
            self.rules.clear();
            self.rules.extend_from_slice(judged.violations.get(at));
            self.rules.extend_from_slice(judged.warnings.get(at));
            let row = BadLine {
                lines,
                columns: &self.columns,
                line,
                refusal: judged.refusals[at],
            };
            self.gathering.bad(lines.first_row + line as u64, &self.rules, &row);
        }
    }

    /// The report, when the whole file was judged and its rows were written to `out`.
    pub fn report(mut self, file: &Path, out: &Path, written: &Validated) -> Report {
        let totals = Totals {
            received: written.rows,
            good: written.good,
            bad: written.bad,
            duplicate: written.rows - written.good - written.bad,
            ..Totals::default()
        };
        let stretches = self.gathering.trail.stretches(written.rows);
        let rules = self.contract.rules.iter().enumerate().map(|(at, rule)| {
            let number = RuleNumber(at as u16);
            let mut result = words::rule(&self.contract, rule);
            result.rows = written.rules[at];
            result.over = self.gathering.trail.of_rule(number, stretches.len());
            result.positions = self.gathering.positions(number).to_vec();
            result.values = self.gathering.values(number);
            result
        });
        let measured = self.expectations.measure(Utc::now().timestamp_micros());
        let expectations = self.contract.expectations.iter().zip(measured);
        let expectations = expectations.map(|(expectation, measured)| {
            let mut expected = words::expected(&self.contract, expectation);
            expected.measured = measured.value;
            expected.batches = u64::from(measured.value.is_some());
            expected.missed = u64::from(!measured.met);
            expected
        });
        let name = file
            .file_name()
            .unwrap_or(file.as_os_str())
            .to_string_lossy()
            .into_owned();
        let named = |kind: &str, path: &Path, rows: u64| FileRef {
            kind: kind.to_owned(),
            path: path
                .file_name()
                .unwrap_or(path.as_os_str())
                .to_string_lossy()
                .into_owned(),
            rows,
            bytes: path.metadata().ok().map(|facts| facts.len()).filter(|bytes| *bytes > 0),
        };
        Parts {
            subject: Subject::File { name },
            versions: vec![self.contract.version.short().to_owned()],
            totals,
            expectations: expectations.collect(),
            rules: rules.collect(),
            timeline: Timeline {
                axis: TimelineAxis::Row,
                buckets: stretches
                    .iter()
                    .map(|(from, rows, bad)| Bucket {
                        from: (from + 1).to_string(),
                        rows: Some(*rows),
                        bad: *bad,
                    })
                    .collect(),
            },
            files: vec![
                named("judged", file, written.rows),
                named("good", &out.join("good.parquet"), written.good),
                named("bad", &out.join("bad.parquet"), written.bad),
            ],
            files_left_out: 0,
            links: Vec::new(),
            notes: Vec::new(),
        }
        .report(&self.contract, &self.gathering)
    }
}
