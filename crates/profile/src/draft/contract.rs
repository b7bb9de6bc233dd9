//! The contract: how text is written, and a rule for what holds of every row that was looked at.

use std::fmt::Write as _;

use muster_spec::TextFormat;

use super::schema::{differs, is_required};
use super::{BY_INIT, plain_name, plainly, quoted};
use crate::guess::Kind;
use crate::reading::{ColumnReading, Reading, Spread, are_few};
use crate::roles::Role;

/// A text with more levels has no list of them.
const LEVELS_MAX: u64 = 60;
/// A level that fewer rows have on the average is no level to rely on.
const ROWS_A_LEVEL: u64 = 5;

/// The contract's file.
pub(super) fn contract(reading: &Reading, name: &str, file: &str) -> String {
    let key = &reading.columns[reading.key];
    let mut out = format!(
        "# {}: {BY_INIT} from {} rows of {}. Each rule says why it is here: change what you know better,\n\
         # then `muster check` and `muster test`.\n\
         version: 1\n\
         topic: {name}.v1\n\
         format: avro\n\
         schema: {name}.avsc\n\
         key: {}{}\n",
        name,
        reading.rows,
        plainly(file),
        plain_name(&key.name),
        if key.role == Role::Key {
            format!(" # {}", key.why)
        } else {
            String::new()
        },
    );
    if key.role == Role::Key {
        let _ = writeln!(
            out,
            "subject: {} # whose data a row is: erasure finds a person by it",
            plain_name(&key.name)
        );
    }
    out.push_str("public: [] # fields that are not about a person: reports show their values, and mask all others\n");
    out.push_str(&text(&reading.format));
    for note in reading.lost().iter().chain(&reading.notes) {
        let _ = writeln!(out, "# {}", plainly(note));
    }
    out.push_str("\nrules:\n");
    let rules: String = reading.columns.iter().map(|column| rules(column, reading)).collect();
    if rules.is_empty() {
        out.truncate(out.len() - "\nrules:\n".len());
    }
    out.push_str(&rules);
    let _ = write!(
        out,
        "\nexpectations:\n  - {{ id: bad_ratio, max: 0.1 }} # more bad rows than that in a batch are worth a word\n\n\
         dead_letter: {{ topic: {name}.v1.dead }} # bad rows are published there, with what is wrong with them\n"
    );
    out
}

/// How text is written, where it is not the usual way.
pub(super) fn text(format: &TextFormat) -> String {
    if !differs(format) {
        return String::new();
    }
    let usual = TextFormat::default();
    let mark = |mark: u8| match mark {
        b'\t' => "\"\\t\"".to_owned(),
        mark => quoted(&char::from(mark).to_string()),
    };
    let mut keys: Vec<String> = Vec::new();
    if format.delimiter != usual.delimiter {
        keys.push(format!("delimiter: {}", mark(format.delimiter)));
    }
    if format.encoding != usual.encoding {
        keys.push(format!("encoding: {}", format.encoding));
    }
    if format.decimal != usual.decimal {
        keys.push(format!("decimal: {}", mark(format.decimal)));
    }
    keys.extend(
        format
            .thousands
            .map(|thousands| format!("thousands: {}", mark(thousands))),
    );
    keys.extend(format.date.as_ref().map(|date| format!("date: {}", quoted(date))));
    keys.extend(
        format
            .timestamp
            .as_ref()
            .map(|moment| format!("timestamp: {}", quoted(moment))),
    );
    if format.trim {
        keys.push("trim: true".to_owned());
    }
    if !format.missing.is_empty() {
        let texts: Vec<String> = format.missing.iter().map(|text| quoted(text)).collect();
        keys.push(format!("missing: [{}]", texts.join(", ")));
    }
    format!("text: {{ {} }} # as the file is written\n", keys.join(", "))
}

/// The rules of a column.
fn rules(column: &ColumnReading, reading: &Reading) -> String {
    let name = &column.name;
    let mut out = String::new();
    for note in &column.notes {
        let _ = writeln!(out, "  # {name}: {}", plainly(note));
    }
    if column.misread > 0 {
        let _ = writeln!(
            out,
            "  # {name}: {} cells are none of {}; their rows are bad by `{name}.type`",
            column.misread,
            column.kind.words()
        );
    }
    let field = plain_name(name);
    let mut rule = |what: &str, check: String, why: String| {
        let _ = writeln!(
            out,
            "  - {{ id: {name}.{what}, field: {field}, {check} }} # {}",
            plainly(&why)
        );
    };
    if is_required(column) && column.role != Role::Empty {
        rule("required", "required: true".to_owned(), "never missing".to_owned());
    }
    if column.role == Role::Key
        && let Some(repeats) = column.repeats.filter(|repeats| are_few(*repeats, reading.rows))
    {
        let why = match repeats {
            0 => "no value stands twice".to_owned(),
            repeats => format!("{repeats} rows repeat an earlier one's and are bad"),
        };
        rule("unique", "unique: { within: 24h, keys_max: 10000000 }".to_owned(), why);
    }
    if let Some(label) = reading.label.as_ref().filter(|label| label.field == column.name)
        && matches!(column.kind, Kind::Text | Kind::Boolean | Kind::Whole)
    {
        let check = one_of(column, &label.values);
        rule("level", check, "a label has two values".to_owned());
        return out;
    }
    match &column.spread {
        Spread::Texts {
            levels,
            lengths,
            pattern,
            ..
        } => {
            // A text that is too long to be kept is no level, and then the levels are not all there is.
            let all = column.exact && levels.len() as u64 == column.distinct;
            let few = all && column.distinct <= LEVELS_MAX && column.distinct * ROWS_A_LEVEL <= reading.rows;
            if few && column.kind == Kind::Text {
                let ordered: Vec<String> = match &column.role {
                    Role::Ordinal(order) => order.clone(),
                    _ => levels.iter().map(|(level, _)| level.clone()).collect(),
                };
                rule(
                    "level",
                    one_of(column, &ordered),
                    format!("the {} levels there are", levels.len()),
                );
            } else if column.kind == Kind::Text {
                if let Some(pattern) = pattern.as_ref().filter(|_| column.distinct >= 10) {
                    rule(
                        "format",
                        format!("matches: '{}'", pattern.replace('\'', "''")),
                        "all look like this".to_owned(),
                    );
                } else {
                    let most = round_up(f64::from(lengths.1) * 2.0);
                    let why = format!("{} to {} characters were seen", lengths.0, lengths.1);
                    rule("length", format!("length: [{}, {most}]", lengths.0.min(1)), why);
                }
            }
        }
        Spread::Numbers {
            range,
            quartiles,
            outliers,
            ..
        } if column.kind.is_number() => {
            let (least, most) = bounds(column, *range);
            let digits = if column.kind == Kind::Whole { 0 } else { 3 };
            let shown = |value: f64| shown(value, digits);
            let why = format!(
                "{} to {} were seen, half of them {} to {}",
                shown(range.0),
                shown(range.1),
                shown(quartiles[0]),
                shown(quartiles[2])
            );
            let ends = |least: Option<f64>, most: Option<f64>| {
                let end = |end: Option<f64>| end.map_or("null".to_owned(), |end| end.to_string());
                format!("between: [{}, {}]", end(least), end(most))
            };
            rule("range", ends(least, most), why);
            let far = outliers.filter(|(_, _, rows)| {
                rows * 100 <= reading.rows && !matches!(column.role, Role::Key | Role::Identifier)
            });
            if let Some((low, high, rows)) = far {
                let (low, high) = (-round_up(-low), round_up(high));
                let (low, high) = ((range.0 < low).then_some(low), (range.1 > high).then_some(high));
                if low.is_some() || high.is_some() {
                    let check = format!("{}, severity: warn", ends(low, high));
                    rule(
                        "usual",
                        check,
                        format!("{rows} rows lie far from the others: outliers, or another unit"),
                    );
                }
            }
        }
        _ => {}
    }
    out
}

fn one_of(column: &ColumnReading, levels: &[String]) -> String {
    let written = |level: &String| match column.kind {
        Kind::Text => quoted(level),
        _ => level.clone(),
    };
    format!(
        "one_of: [{}]",
        levels.iter().map(written).collect::<Vec<_>>().join(", ")
    )
}

/// A range with room for what comes, and none for what cannot be.
fn bounds(column: &ColumnReading, (least, greatest): (f64, f64)) -> (Option<f64>, Option<f64>) {
    let is_year = column.kind == Kind::Whole && least >= 1900.0 && greatest <= 2100.0;
    if is_year {
        return (Some(1900.0), Some(2100.0));
    }
    let low = if least >= 0.0 { 0.0 } else { -round_up(-least) };
    if matches!(column.role, Role::Key | Role::Identifier) {
        return (Some(low), None);
    }
    let high = match greatest {
        greatest if greatest <= 0.0 => 0.0,
        greatest if column.kind == Kind::Percent && greatest <= 100.0 => 100.0,
        greatest if column.kind == Kind::Number && least >= 0.0 && greatest <= 1.0 => 1.0,
        greatest => round_up(greatest),
    };
    (Some(low), Some(high))
}

/// The least of 1, 2 and 5 times a power of ten that is no less; the negative of the same below 0, rounded to 0.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return if value == 0.0 { 0.0 } else { -round_down(-value) };
    }
    let power = 10_f64.powi(value.log10().floor() as i32);
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|step| step * power >= value);
    step.unwrap_or(10.0) * power
}

/// The greatest of 1, 2 and 5 times a power of ten that is no more.
fn round_down(value: f64) -> f64 {
    let power = 10_f64.powi(value.log10().floor() as i32);
    let step = [5.0, 2.0, 1.0].into_iter().find(|step| step * power <= value);
    step.unwrap_or(1.0) * power
}

/// A number in a comment.
fn shown(value: f64, digits: i32) -> String {
    let scale = 10_f64.powi(digits);
    ((value * scale).round() / scale).to_string()
}
