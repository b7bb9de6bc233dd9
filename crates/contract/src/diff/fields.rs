//! Fields that came, went or mean something else.
//!
//! Used by [`super::diff`]. Whether records still resolve is Avro's to say; here stands what that is about.

use muster_spec::{Contract, Field, FieldKind};

use super::Change;

/// A field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldChange {
    /// Its name as a column.
    pub field: String,
    /// How it changed.
    pub change: Change,
    /// What that is, in words.
    pub what: String,
    /// Whether whoever reads the column finds another one, or none.
    pub breaks_readers: bool,
}

/// The fields that differ.
pub fn fields(old: &Contract, new: &Contract) -> Vec<FieldChange> {
    let added_or_changed = new.fields.iter().flat_map(|field| match old.field(&field.name) {
        None => vec![added(field)],
        Some(before) => changes(&old.fields[before], field),
    });
    let removed = old.fields.iter().filter(|field| new.field(&field.name).is_none());
    added_or_changed.chain(removed.map(removal)).collect()
}

fn added(field: &Field) -> FieldChange {
    let default = match &field.default {
        Some(default) => format!(", by default {default}"),
        None => ", without a default".to_owned(),
    };
    FieldChange {
        field: field.name.clone(),
        change: Change::Added,
        what: format!("{}{default}", kind(&field.kind, field.nullable)),
        breaks_readers: false,
    }
}

fn removal(field: &Field) -> FieldChange {
    FieldChange {
        field: field.name.clone(),
        change: Change::Removed,
        what: format!("was {}", kind(&field.kind, field.nullable)),
        breaks_readers: true,
    }
}

fn changes(old: &Field, new: &Field) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    let mut say = |change: Change, what: String, breaks_readers: bool| {
        changes.push(FieldChange {
            field: new.name.clone(),
            change,
            what,
            breaks_readers,
        });
    };
    match (&old.kind, &new.kind) {
        (was, is) if was == is => {}
        (FieldKind::Enum(was), FieldKind::Enum(is)) => {
            let levels = levels(was, is);
            if let Some(change) = levels.change() {
                say(change, levels.words("symbol"), false);
            }
        }
        (was, is) => say(
            Change::Changed,
            format!("{} was {}", kind(is, false), kind(was, false)),
            true,
        ),
    }
    match (old.nullable, new.nullable) {
        (true, false) => say(Change::Tightened, "may not be null any more".to_owned(), false),
        (false, true) => say(Change::Loosened, "may be null".to_owned(), false),
        _ => {}
    }
    if old.default != new.default {
        let told = |field: &Field| field.default.as_ref().map_or("none".to_owned(), ToString::to_string);
        say(
            Change::Changed,
            format!("default {} was {}", told(new), told(old)),
            false,
        );
    }
    if old.source != new.source {
        let what = format!("is `{}` in text files, was `{}`", new.source, old.source);
        say(Change::Changed, what, false);
    }
    match (old.personal, new.personal) {
        (true, false) => say(
            Change::Changed,
            "is public: its values are shown in reports".to_owned(),
            false,
        ),
        (false, true) => say(
            Change::Changed,
            "is personal: its values are masked in reports".to_owned(),
            false,
        ),
        _ => {}
    }
    changes
}

/// Levels that came and went.
pub(super) struct Levels<'l> {
    gone: Vec<&'l str>,
    come: Vec<&'l str>,
}

pub(super) fn levels<'l>(old: &'l [String], new: &'l [String]) -> Levels<'l> {
    let missing = |from: &[String], of: &'l [String]| -> Vec<&'l str> {
        let missing = of.iter().filter(|level| !from.contains(level));
        missing.map(String::as_str).collect()
    };
    Levels {
        gone: missing(new, old),
        come: missing(old, new),
    }
}

impl Levels<'_> {
    pub(super) fn change(&self) -> Option<Change> {
        Change::of(!self.gone.is_empty(), !self.come.is_empty())
    }

    pub(super) fn words(&self, of: &str) -> String {
        let told = |verb: &str, levels: &[&str]| {
            (!levels.is_empty()).then(|| format!("{verb} {of} `{}`", levels.join("`, `")))
        };
        let told = [told("loses", &self.gone), told("takes", &self.come)];
        told.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

fn kind(kind: &FieldKind, nullable: bool) -> String {
    let word = match kind {
        FieldKind::Int => "a whole number of 32 bits".to_owned(),
        FieldKind::Long => "a whole number of 64 bits".to_owned(),
        FieldKind::Float => "a number of 32 bits".to_owned(),
        FieldKind::Double => "a number of 64 bits".to_owned(),
        FieldKind::TimestampMillis => "a timestamp in milliseconds".to_owned(),
        FieldKind::TimestampMicros => "a timestamp in microseconds".to_owned(),
        FieldKind::Decimal { precision, scale } => format!("a decimal of {precision} digits, {scale} after the point"),
        other => other.word().to_owned(),
    };
    if nullable { format!("{word} or null") } else { word }
}
