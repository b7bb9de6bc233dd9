//! What each column is good for: the key, an identifier, a constant, the label, a feature, or something that gives the label
//! away.
//!
//! Used by [`crate::Reading`]. Every column stays in the contract; the role says whether the feature view has it, and why not.

use crate::guess::Kind;
use crate::names;
use crate::ordering;
use crate::reading::{ColumnReading, Spread};

/// What a column is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// Names the row's entity.
    Key,
    /// Names something, a row or a person: a model would learn it by heart.
    Identifier,
    /// Has one value.
    Constant,
    /// Has no value.
    Empty,
    /// Is what a model learns.
    Label,
    /// Tells the label alone: probably written down after the fact.
    Leak,
    /// Holds sentences, or too many different texts to be a category.
    Prose,
    /// Is a number, a date or a truth value.
    Feature,
    /// Is a category.
    Categorical,
    /// Is a category whose levels have this order.
    Ordinal(Vec<String>),
}

/// A text with more different values is no category.
const LEVELS_MAX: u64 = 1_000;
/// Fewer rows a level teach nothing about it.
const ROWS_A_LEVEL: u64 = 5;
/// So well and better alone, a column gives the label away.
const LEAK: f64 = 0.99;
/// So well alone, it is worth a look.
pub const SUSPECT: f64 = 0.9;

/// Words in a header that name an identifier.
const IDENTIFIERS: [&str; 14] = [
    "id",
    "ids",
    "uuid",
    "guid",
    "key",
    "nr",
    "no",
    "nummer",
    "numero",
    "matricule",
    "email",
    "mail",
    "phone",
    "ssn",
];

impl Role {
    /// Whether the feature view has it.
    pub fn is_feature(&self) -> bool {
        matches!(self, Self::Feature | Self::Categorical | Self::Ordinal(_))
    }

    /// What people call it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Identifier => "identifier",
            Self::Constant => "constant",
            Self::Empty => "empty",
            Self::Label => "label",
            Self::Leak => "leak",
            Self::Prose => "text",
            Self::Feature => "feature",
            Self::Categorical => "category",
            Self::Ordinal(_) => "ordered category",
        }
    }
}

/// The role of a column that is neither key nor label, and why it has it.
pub(crate) fn of(column: &ColumnReading, rows: u64) -> (Role, String) {
    let there = rows.saturating_sub(column.missing);
    if there == 0 {
        return (Role::Empty, "no row has a value".to_owned());
    }
    if column.distinct == 1 {
        let some = if column.missing > 0 {
            "all that is there is one value"
        } else {
            "all rows have one value"
        };
        return (Role::Constant, format!("{some}: nothing to learn from"));
    }
    if let Some(found) = column.association.filter(|found| *found >= LEAK) {
        let why = format!("it tells the label alone ({found:.2} of 1): probably known only afterwards");
        return (Role::Leak, why);
    }
    if let Some(found) = column.association_of_missing.filter(|found| *found >= LEAK) {
        let why = format!("whether it is there tells the label ({found:.2} of 1): probably written down afterwards");
        return (Role::Leak, why);
    }
    let named = is_identifier(&column.header);
    let mostly_unique = column.distinct as f64 >= 0.95 * there as f64 && there >= 10;
    match column.kind {
        Kind::Text => of_text(column, there, named, mostly_unique),
        Kind::Whole if named && (mostly_unique || column.distinct > 50) => (
            Role::Identifier,
            "its name and its many values say that it names something".to_owned(),
        ),
        Kind::Whole if mostly_unique && is_counter(column, there) => (
            Role::Identifier,
            "it counts rows: every value once, without gaps".to_owned(),
        ),
        Kind::Whole if named => (
            Role::Categorical,
            "an identifier with few values is a category".to_owned(),
        ),
        Kind::Bytes => (Role::Prose, "bytes that are no text: a model takes none".to_owned()),
        Kind::Date | Kind::Moment => (Role::Feature, "as days, month and weekday".to_owned()),
        _ => (Role::Feature, String::new()),
    }
}

fn of_text(column: &ColumnReading, there: u64, named: bool, mostly_unique: bool) -> (Role, String) {
    let Spread::Texts { levels, prose, .. } = &column.spread else {
        return (Role::Prose, String::new());
    };
    if *prose {
        return (Role::Prose, "sentences: a model of trees takes no text".to_owned());
    }
    if mostly_unique || (named && column.distinct > 50) {
        return (Role::Identifier, "nearly every row has a value of its own".to_owned());
    }
    if column.distinct > LEVELS_MAX || column.distinct * ROWS_A_LEVEL > there {
        let why = format!(
            "{} different values in {there} rows are too many for a category",
            column.distinct
        );
        return (Role::Prose, why);
    }
    let names: Vec<&str> = levels.iter().map(|(level, _)| &**level).collect();
    match ordering::ordered(&names) {
        Some(order) if column.exact && levels.len() as u64 == column.distinct => {
            (Role::Ordinal(order), "its levels have an order".to_owned())
        }
        _ => (Role::Categorical, String::new()),
    }
}

/// Whether a header says that the column names something.
pub(crate) fn is_identifier(header: &str) -> bool {
    let words = names::words(header);
    let named = |word: Option<&String>| word.is_some_and(|word| IDENTIFIERS.contains(&&**word));
    named(words.last()) || (words.len() > 1 && named(words.first()))
}

/// Whether whole numbers are dense: nearly one for each row between the least and the greatest.
pub(crate) fn is_counter(column: &ColumnReading, there: u64) -> bool {
    let Spread::Numbers {
        range: (least, greatest),
        ..
    } = column.spread
    else {
        return false;
    };
    greatest - least + 1.0 <= 1.05 * there as f64
}
