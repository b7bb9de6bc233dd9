//! What the template shows of a report's values: formatted, named, drawn. One method a place in the page.

use crate::chart;
use crate::number::{bytes, count, decimal, decimal_unlike, percent};
use crate::report::{
    Bound, Bucket, Cell, CellState, Column, ContractFacts, Distinct, Expected, FileRef, Level, Report, RuleResult,
    RuleSeverity, Sample, Samples, Subject, Timeline, TimelineAxis, Totals, Values, share,
};

impl Report {
    /// The heading.
    pub(crate) fn subject_text(&self) -> String {
        match &self.subject {
            Subject::Batch { batch, .. } => format!("Batch {batch}"),
            Subject::Day { day, .. } => day.clone(),
            Subject::File { name } => name.clone(),
        }
    }

    /// A name for its files: `hr.candidate-2026-11-20`, `hr.candidate-batch-12`.
    pub fn file_stem(&self) -> String {
        let of = match &self.subject {
            Subject::Batch { batch, .. } => format!("batch-{batch}"),
            Subject::Day { day, .. } => day.clone(),
            Subject::File { .. } => "file".to_owned(),
        };
        format!("{}-{of}", self.contract.name)
    }

    /// The line below the heading.
    pub(crate) fn subject_facts(&self) -> String {
        match &self.subject {
            Subject::Batch {
                topic,
                partition,
                from,
                to,
                revision,
                committed_at,
                ..
            } => {
                let offsets = match (from, to) {
                    (Some(from), Some(to)) => format!(" [{from}, {to})"),
                    _ => ", a repair".to_owned(),
                };
                let committed = moment(committed_at);
                format!("{topic} partition {partition}{offsets}, revision {revision}, committed {committed}")
            }
            Subject::Day { batches: 1, .. } => format!("UTC, {}, 1 batch", self.contract.topic),
            Subject::Day { batches, .. } => format!("UTC, {}, {} batches", self.contract.topic, count(*batches)),
            Subject::File { .. } => "A file".to_owned(),
        }
    }

    /// The links that lead somewhere.
    pub(crate) fn addresses(&self) -> Vec<(&str, &str)> {
        let links = self.links.iter();
        links
            .filter_map(|link| Some((&*link.label, link.url.as_deref()?)))
            .collect()
    }

    /// The links that are a command.
    pub(crate) fn commands(&self) -> Vec<(&str, &str)> {
        let links = self.links.iter();
        links
            .filter_map(|link| Some((&*link.label, link.command.as_deref()?)))
            .collect()
    }

    pub(crate) fn made_text(&self) -> String {
        moment(&self.made_at)
    }

    pub(crate) fn title(&self) -> String {
        let bad = count(self.totals.bad);
        format!("{}, {}: {bad} bad rows", self.contract.name, self.subject_text())
    }

    /// Whether its rows came from a topic.
    pub(crate) fn is_of_topic(&self) -> bool {
        !matches!(self.subject, Subject::File { .. })
    }

    /// The rules that were broken, each with its place among all.
    pub(crate) fn broken(&self) -> impl Iterator<Item = (usize, &RuleResult)> {
        self.rules.iter().enumerate().filter(|(_, rule)| rule.rows > 0)
    }

    pub(crate) fn broken_text(&self) -> String {
        count(self.broken().count() as u64)
    }

    /// The rules that no row broke.
    pub(crate) fn held(&self) -> Vec<&RuleResult> {
        self.rules.iter().filter(|rule| rule.rows == 0).collect()
    }

    fn field_at(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    pub(crate) fn profiled_text(&self) -> String {
        if self.profiled == self.totals.good {
            format!("All {} good rows", count(self.profiled))
        } else {
            format!("{} of {} good rows", count(self.profiled), count(self.totals.good))
        }
    }

    pub(crate) fn files_left_out_text(&self) -> String {
        count(self.files_left_out)
    }
}

/// A moment as people read it: `2026-11-21 10:07:05 UTC`.
fn moment(rfc3339: &str) -> String {
    match rfc3339.strip_suffix('Z') {
        Some(moment) => format!("{} UTC", moment.replacen('T', " ", 1)),
        None => rfc3339.to_owned(),
    }
}

impl ContractFacts {
    pub(crate) fn versions_text(&self) -> String {
        let word = if self.versions.len() == 1 {
            "version"
        } else {
            "versions"
        };
        format!("{word} {}", self.versions.join(", "))
    }
}

impl Totals {
    /// Names, counts and, of what was judged, shares, as they stand side by side.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        let shown = |name, of: u64, class| Shown {
            name,
            count: count(of),
            share: String::new(),
            class,
        };
        let judged = |name, of: u64, class| Shown {
            share: percent(share(of, self.judged())),
            ..shown(name, of, class)
        };
        let mut all = vec![
            shown("received", self.received, "received"),
            judged("good", self.good, "good"),
            judged("bad", self.bad, if self.bad > 0 { "bad" } else { "none" }),
        ];
        let rest = [
            ("duplicate", self.duplicate),
            ("tombstone", self.tombstone),
            ("repaired", self.repaired),
        ];
        let rest = rest.into_iter().filter(|(_, of)| *of > 0);
        all.extend(rest.map(|(name, of)| shown(name, of, "rest")));
        all
    }
}

/// One of the totals.
pub(crate) struct Shown {
    pub name: &'static str,
    pub count: String,
    pub share: String,
    pub class: &'static str,
}

impl Expected {
    /// What is expected: `at most 0.1`.
    pub(crate) fn wanted(&self) -> String {
        match (self.min, self.max) {
            (Some(min), Some(max)) => format!("{} to {}", decimal(min), decimal(max)),
            (Some(min), None) => format!("at least {}", decimal(min)),
            (None, Some(max)) => format!("at most {}", decimal(max)),
            (None, None) => "anything".to_owned(),
        }
    }

    pub(crate) fn measured_text(&self) -> String {
        let Some(measured) = self.measured else {
            return "not measured".to_owned();
        };
        let beyond = [
            self.min.filter(|min| measured < *min),
            self.max.filter(|max| measured > *max),
        ];
        let beyond = beyond.into_iter().flatten().next();
        beyond.map_or_else(|| decimal(measured), |end| decimal_unlike(measured, end))
    }

    pub(crate) fn result_text(&self) -> String {
        match (self.batches, self.missed) {
            (0, _) => "not measured".to_owned(),
            (_, 0) => "met".to_owned(),
            (1, _) => "missed".to_owned(),
            (batches, missed) => format!("missed in {} of {} batches", count(missed), count(batches)),
        }
    }
}

impl RuleSeverity {
    /// What people read.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
        }
    }
}

/// Places as an attribute holds them.
fn joined(places: impl Iterator<Item = usize>) -> String {
    places.map(|place| place.to_string()).collect::<Vec<_>>().join(" ")
}

impl RuleResult {
    /// The place of its column, for the filter.
    pub(crate) fn field_place(&self, report: &Report) -> String {
        joined(self.field.iter().filter_map(|field| report.field_at(field)))
    }

    /// What its small drawing shows, for who does not see it.
    pub(crate) fn told(&self, report: &Report) -> String {
        let greatest = self.over.iter().copied().max().unwrap_or(0);
        let place = self.over.iter().position(|rows| *rows == greatest).unwrap_or(0);
        let from = report.timeline.buckets.get(place).map_or("", |bucket| &bucket.from);
        format!("most, {}, from {from} on", count(greatest))
    }

    pub(crate) fn rows_text(&self) -> String {
        count(self.rows)
    }

    pub(crate) fn share_text(&self) -> String {
        percent(self.share)
    }

    /// The share as a number of 100, for the bar.
    pub(crate) fn share_width(&self) -> String {
        format!("{:.1}", (self.share * 100.0).clamp(0.0, 100.0))
    }

    pub(crate) fn bars(&self) -> String {
        chart::bars(self.over.iter().copied())
    }

    pub(crate) fn positions_text(&self) -> String {
        self.positions.join(", ")
    }
}

impl Values {
    pub(crate) fn other_text(&self) -> String {
        count(self.other)
    }
}

impl Level {
    pub(crate) fn rows_text(&self) -> String {
        count(self.rows)
    }

    /// The value as it is shown: an empty one is named.
    pub(crate) fn is_blank(&self) -> bool {
        self.value.trim().is_empty()
    }
}

impl Timeline {
    pub(crate) fn bars(&self) -> String {
        chart::bars(self.buckets.iter().map(|bucket| bucket.bad))
    }

    /// Whether there is anything to draw.
    pub(crate) fn is_flat(&self) -> bool {
        self.buckets.iter().all(|bucket| bucket.bad == 0)
    }

    pub(crate) fn heading(&self) -> &'static str {
        match self.axis {
            TimelineAxis::Hour => "Bad rows by hour",
            TimelineAxis::Offset => "Bad rows by offset",
            TimelineAxis::Row => "Bad rows by place in the file",
        }
    }

    pub(crate) fn axis_text(&self) -> &'static str {
        match self.axis {
            TimelineAxis::Hour => "Hour (UTC) of the commit",
            TimelineAxis::Offset => "From offset",
            TimelineAxis::Row => "From row",
        }
    }

    pub(crate) fn greatest(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.bad).max().unwrap_or(0)
    }

    pub(crate) fn greatest_text(&self) -> String {
        count(self.greatest())
    }

    /// What stands below the drawing: where it begins, its middle and its last bar.
    pub(crate) fn places(&self) -> Vec<String> {
        let count = self.buckets.len();
        let of = match self.axis {
            TimelineAxis::Hour => "",
            TimelineAxis::Offset => "offset ",
            TimelineAxis::Row => "row ",
        };
        let ends = [0, count / 2, count.saturating_sub(1)];
        let ends = ends.iter().filter_map(|at| self.buckets.get(*at));
        ends.map(|bucket| format!("{of}{}", bucket.from)).collect()
    }

    /// What the drawing shows, for who does not see it.
    pub(crate) fn told(&self) -> String {
        let greatest = self.greatest();
        let place = self.buckets.iter().find(|bucket| bucket.bad == greatest);
        let from = place.map_or("", |bucket| &bucket.from);
        format!(
            "{}, {} bars; most, {}, from {from} on. The numbers are in the table below.",
            self.heading(),
            self.buckets.len(),
            count(greatest)
        )
    }
}

impl Bucket {
    pub(crate) fn rows_text(&self) -> String {
        self.rows.map(count).unwrap_or_default()
    }

    pub(crate) fn bad_text(&self) -> String {
        count(self.bad)
    }

    pub(crate) fn share_text(&self) -> String {
        self.rows.map(|rows| percent(share(self.bad, rows))).unwrap_or_default()
    }
}

impl Column {
    /// The places of the rules about it, for the filter.
    pub(crate) fn rule_places(&self, report: &Report) -> String {
        let about = |(_, rule): &(usize, &RuleResult)| rule.field.as_deref() == Some(&self.name);
        joined(report.rules.iter().enumerate().filter(about).map(|(place, _)| place))
    }

    pub(crate) fn missing_text(&self) -> String {
        match self.missing {
            0 => "0".to_owned(),
            missing => format!("{} ({})", count(missing), percent(share(missing, self.rows))),
        }
    }

    pub(crate) fn mean_text(&self) -> String {
        self.mean.map(decimal).unwrap_or_default()
    }

    pub(crate) fn median_text(&self) -> String {
        self.median.map(decimal).unwrap_or_default()
    }
}

impl Bound {
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Number(value) => decimal(*value),
            Self::Time(text) => text.clone(),
        }
    }
}

impl Distinct {
    pub(crate) fn text(&self) -> String {
        let about = if self.exact { "" } else { "\u{2248}\u{a0}" };
        format!("{about}{}", count(self.count))
    }
}

impl Sample {
    /// Its cells, and of each whether its column is personal.
    pub(crate) fn shown(&self, report: &Report) -> Vec<(&Cell, bool)> {
        let personal = report.samples.columns.iter().map(|column| column.personal);
        self.cells.iter().zip(personal).collect()
    }

    /// The places of its rules among all rules, for the filter.
    pub(crate) fn places(&self, report: &Report) -> String {
        let place = |id: &String| report.rules.iter().position(|rule| rule.id == *id);
        joined(self.rules.iter().filter_map(place))
    }

    /// The places of the columns that its rules are about, for the filter.
    pub(crate) fn field_places(&self, report: &Report) -> String {
        let of_rule = |id: &String| report.rules.iter().find(|rule| rule.id == *id)?.field.as_deref();
        let fields = self.rules.iter().filter_map(of_rule);
        joined(fields.filter_map(|field| report.field_at(field)))
    }
}

impl Cell {
    /// Whether it is shown and nothing is to be seen.
    pub(crate) fn is_blank(&self) -> bool {
        matches!(&self.state, CellState::Shown(text) if text.trim().is_empty())
    }
}

impl Samples {
    pub(crate) fn left_out_text(&self) -> String {
        count(self.columns_left_out)
    }

    /// How many cells a row has, for one that could not be read.
    pub(crate) fn width(&self) -> usize {
        self.columns.len().max(1)
    }
}

impl CellState {
    pub(crate) fn class(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Masked => "masked",
            Self::Unparsed => "unparsed",
            Self::Shown(_) => "shown",
        }
    }
}

impl FileRef {
    pub(crate) fn rows_text(&self) -> String {
        count(self.rows)
    }

    pub(crate) fn bytes_text(&self) -> String {
        self.bytes.map(bytes).unwrap_or_default()
    }
}
