//! What two looks at a table found, as the plain values that pages and programs are given.
//!
//! Used by `profile`. What must stay true: of identifiers no value is told, and of texts only what at least [`SHARED`] rows
//! have; the others are counted together.

use std::path::Path;

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use muster_profile::{ColumnReading, Kind, Reading, Role, SUSPICION, Spread};
use muster_report::{
    Bound, Distinct, FindingKind, Level, NumberSpread, PROFILE_FORM, TableColumn, TableFinding, TableLabel,
    TableProfile, Values,
};

/// So many rows must share a text for it to be told.
const SHARED: u64 = 5;
/// How many texts of a column are told.
const VALUES_MAX: usize = 12;
/// Signs of a text that are told.
const SIGNS_MAX: usize = 60;
/// A larger share of missing values is worth a word.
const MISSING: f64 = 0.5;

/// The profile of a file.
pub fn profile(reading: &Reading, file: &Path) -> TableProfile {
    TableProfile {
        profile: PROFILE_FORM,
        muster: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true),
        file: file
            .file_name()
            .unwrap_or(file.as_os_str())
            .to_string_lossy()
            .into_owned(),
        written: written(reading),
        rows: reading.rows,
        ragged: reading.ragged,
        foreign: reading.foreign,
        label: reading.label.as_ref().map(|label| TableLabel {
            column: label.header.clone(),
            positive: label.values[1].clone(),
            negative: label.values[0].clone(),
            positive_rows: reading.labels[1],
            negative_rows: reading.labels[0],
            unlabelled_rows: reading.labels[2],
            why: label.why.clone(),
        }),
        findings: findings(reading),
        columns: reading.columns.iter().map(|of| column(of, reading.rows)).collect(),
        notes: reading.notes.clone(),
    }
}

/// How the text is written, in words.
fn written(reading: &Reading) -> Vec<String> {
    let format = &reading.format;
    let delimiter = match format.delimiter {
        b'\t' => "tabs".to_owned(),
        mark => format!("`{}`", char::from(mark)),
    };
    let mut words = vec![format!("cells between {delimiter}"), format.encoding.clone()];
    if format.decimal != b'.' {
        words.push(format!("decimal mark `{}`", char::from(format.decimal)));
    }
    words.extend(
        format
            .thousands
            .map(|mark| format!("`{}` between thousands", char::from(mark))),
    );
    words.extend(format.date.as_ref().map(|date| format!("dates as `{date}`")));
    words.extend(
        format
            .timestamp
            .as_ref()
            .map(|moment| format!("timestamps as `{moment}`")),
    );
    if format.trim {
        words.push("blanks around cells left out".to_owned());
    }
    if !format.missing.is_empty() {
        let texts: Vec<String> = format.missing.iter().map(|text| format!("`{text}`")).collect();
        words.push(format!("{} mean no value", texts.join(", ")));
    }
    words
}

/// What is worth a look, the worst first.
fn findings(reading: &Reading) -> Vec<TableFinding> {
    let mut findings: Vec<TableFinding> = Vec::new();
    for column in &reading.columns {
        let mut say = |kind: FindingKind, told: String| {
            findings.push(TableFinding {
                kind,
                column: column.header.clone(),
                told,
            });
        };
        let missing = column.missing as f64 / reading.rows as f64;
        match &column.role {
            Role::Leak => say(FindingKind::Leakage, column.why.clone()),
            Role::Constant | Role::Empty => say(FindingKind::Constant, column.why.clone()),
            Role::Key | Role::Identifier => say(FindingKind::Identifier, column.why.clone()),
            _ if missing >= MISSING => say(
                FindingKind::Missing,
                format!("{:.0} % of the rows have no value", missing * 100.0),
            ),
            _ => {}
        }
        if column.misread > 0 {
            say(
                FindingKind::Misread,
                format!("{} cells are none of {}", column.misread, column.kind.words()),
            );
        }
        if let Spread::Numbers {
            outliers: Some((low, high, rows)),
            ..
        } = &column.spread
            && column.kind.is_number()
            && !matches!(column.role, Role::Key | Role::Identifier | Role::Label)
        {
            say(
                FindingKind::Outliers,
                format!("{rows} rows lie below {low:.6} or above {high:.6}"),
            );
        }
        for note in &column.notes {
            let kind = if note == SUSPICION {
                FindingKind::Leakage
            } else {
                FindingKind::Other
            };
            say(kind, note.clone());
        }
    }
    findings.sort_by_key(|finding| finding.kind);
    findings
}

fn column(of: &ColumnReading, rows: u64) -> TableColumn {
    let named = matches!(of.role, Role::Key | Role::Identifier | Role::Prose);
    TableColumn {
        name: of.header.clone(),
        field: of.name.clone(),
        kind: of.kind.words().to_owned(),
        role: of.role.word().to_owned(),
        why: of.why.clone(),
        missing: of.missing,
        missing_share: of.missing as f64 / rows as f64,
        misread: of.misread,
        distinct: Some(Distinct {
            count: of.distinct,
            exact: of.exact,
        }),
        association: of.association.filter(|_| of.role != Role::Label),
        association_of_missing: of.association_of_missing.filter(|_| of.role != Role::Label),
        numbers: numbers(of).filter(|_| !named),
        values: values(of).filter(|_| !named),
    }
}

fn numbers(of: &ColumnReading) -> Option<NumberSpread> {
    let Spread::Numbers {
        range,
        mean,
        deviation,
        quartiles,
        histogram,
        outliers,
    } = &of.spread
    else {
        return None;
    };
    let bound = |value: f64| bound(of.kind, value);
    let (from, to) = outliers.map_or(*range, |(low, high, _)| (low.max(range.0), high.min(range.1)));
    Some(NumberSpread {
        min: bound(range.0),
        lower_quartile: bound(quartiles[0]),
        median: bound(quartiles[1]),
        upper_quartile: bound(quartiles[2]),
        max: bound(range.1),
        mean: of.kind.is_number().then_some(*mean),
        deviation: *deviation,
        histogram: histogram.clone(),
        histogram_from: bound(from),
        histogram_to: bound(to),
        outliers: outliers.map_or(0, |(_, _, rows)| rows),
    })
}

/// A number, or the time that so many days since 1970 are.
fn bound(kind: Kind, value: f64) -> Bound {
    let time = match kind {
        Kind::Date => NaiveDate::from_num_days_from_ce_opt(value as i32 + 719_163).map(|date| date.to_string()),
        Kind::Moment => DateTime::from_timestamp_micros((value * 86_400e6) as i64)
            .map(|moment| moment.to_rfc3339_opts(SecondsFormat::Secs, true)),
        _ => None,
    };
    time.map_or(Bound::Number(value), Bound::Time)
}

fn values(of: &ColumnReading) -> Option<Values> {
    let Spread::Texts { levels, .. } = &of.spread else {
        return None;
    };
    let shown = levels.iter().take(VALUES_MAX).filter(|(_, rows)| *rows >= SHARED);
    let top: Vec<Level> = shown
        .map(|(value, rows)| Level {
            value: value.chars().take(SIGNS_MAX).collect(),
            rows: *rows,
        })
        .collect();
    let told: u64 = top.iter().map(|level| level.rows).sum();
    let all: u64 = levels.iter().map(|(_, rows)| rows).sum();
    Some(Values {
        top,
        other: all - told,
        exact: of.exact,
    })
}
