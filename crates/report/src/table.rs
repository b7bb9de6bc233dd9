//! What a table profile says, as plain values, and the page it becomes. Its JSON is this, field by field.
//!
//! Filled by `muster profile` for a file that no contract describes yet. Of identifiers no value is told, of texts only what
//! several rows share: whoever fills it sees to that, since only they know the rows.

use askama::Template;
use serde::Serialize;

use crate::chart;
use crate::error::Error;
use crate::number::{count, decimal, percent};
use crate::policy::{self, STYLE};
use crate::report::{Bound, Distinct, Values, share};

/// The number of this form of a profile; it grows when a reader of the JSON must change.
pub const PROFILE_FORM: u32 = 1;

/// A table and what is in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TableProfile {
    /// [`PROFILE_FORM`].
    pub profile: u32,
    /// The version of the program that made it.
    pub muster: String,
    /// When it was made.
    pub made_at: String,
    /// The file's name, without its folders.
    pub file: String,
    /// How its text is written, in words.
    pub written: Vec<String>,
    /// Its rows.
    pub rows: u64,
    /// Rows with another number of cells than the header.
    pub ragged: u64,
    /// Rows whose bytes are not in the encoding.
    pub foreign: u64,
    /// The label, if a column is one.
    pub label: Option<TableLabel>,
    /// What is worth a look.
    pub findings: Vec<TableFinding>,
    /// Its columns, in the file's order.
    pub columns: Vec<TableColumn>,
    /// What a reader must know to read it rightly.
    pub notes: Vec<String>,
}

/// The label.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableLabel {
    /// Its column.
    pub column: String,
    /// The value that counts.
    pub positive: String,
    /// The other one.
    pub negative: String,
    /// Rows with the value that counts.
    pub positive_rows: u64,
    /// Rows with the other one.
    pub negative_rows: u64,
    /// Rows without a label.
    pub unlabelled_rows: u64,
    /// How it was found.
    pub why: String,
}

/// Something worth a look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableFinding {
    /// What it is.
    pub kind: FindingKind,
    /// The column.
    pub column: String,
    /// What was found, in words.
    pub told: String,
}

/// What is worth a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The column tells the label, or nearly.
    Leakage,
    /// The column has one value, or none.
    Constant,
    /// The column names rows or people.
    Identifier,
    /// Values lie far from the others.
    Outliers,
    /// Many rows have no value.
    Missing,
    /// Cells are not what the others are.
    Misread,
    /// Something else.
    Other,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TableColumn {
    /// Its name in the file.
    pub name: String,
    /// Its name as a field of a contract.
    pub field: String,
    /// What its cells are.
    pub kind: String,
    /// What it is good for.
    pub role: String,
    /// Why.
    pub why: String,
    /// Rows without a value.
    pub missing: u64,
    /// Rows without a value over all rows.
    pub missing_share: f64,
    /// Cells that are not of its kind.
    pub misread: u64,
    /// How many different values there are.
    pub distinct: Option<Distinct>,
    /// How well a value alone tells the label, 0 to 1.
    pub association: Option<f64>,
    /// How well it tells the label whether there is a value.
    pub association_of_missing: Option<f64>,
    /// Numbers and times.
    pub numbers: Option<NumberSpread>,
    /// Texts and truth values.
    pub values: Option<Values>,
}

/// How numbers are spread.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NumberSpread {
    /// The least.
    pub min: Bound,
    /// A quarter is no greater.
    pub lower_quartile: Bound,
    /// Half are no greater.
    pub median: Bound,
    /// Three quarters are no greater.
    pub upper_quartile: Bound,
    /// The greatest.
    pub max: Bound,
    /// The mean; none of times.
    pub mean: Option<f64>,
    /// The standard deviation; in days for times.
    pub deviation: f64,
    /// Rows of parts of equal width from `histogram_from` to `histogram_to`; outliers are in the first and last.
    pub histogram: Vec<u64>,
    /// Where the histogram begins.
    pub histogram_from: Bound,
    /// Where it ends.
    pub histogram_to: Bound,
    /// Rows beyond three quartile distances from the quartiles.
    pub outliers: u64,
}

#[derive(Template)]
#[template(path = "table.html")]
struct Page<'p> {
    table: &'p TableProfile,
    policy: &'static str,
    style: &'static str,
    width: f64,
    height: f64,
}

/// A profile as one file of HTML that needs nothing beside it. A thousand columns make about 2 MB.
pub fn table_html(table: &TableProfile) -> Result<String, Error> {
    let page = Page {
        table,
        policy: policy::of_page(),
        style: STYLE,
        width: chart::WIDTH,
        height: chart::HEIGHT,
    };
    Ok(page.render()?)
}

/// A profile as JSON, in lines that people can read.
pub fn table_json(table: &TableProfile) -> Result<String, Error> {
    let mut text = serde_json::to_string_pretty(table)?;
    text.push('\n');
    Ok(text)
}

impl TableProfile {
    fn rows_text(&self) -> String {
        count(self.rows)
    }

    fn columns_text(&self) -> String {
        count(self.columns.len() as u64)
    }

    fn facts(&self) -> String {
        let mut facts = self.written.clone();
        if self.ragged > 0 {
            facts.push(format!(
                "{} rows with another number of cells than the header",
                count(self.ragged)
            ));
        }
        if self.foreign > 0 {
            facts.push(format!("{} rows not in the encoding", count(self.foreign)));
        }
        facts.join(", ")
    }

    /// Whether columns are held against a label.
    fn has_label(&self) -> bool {
        self.label.is_some()
    }

    fn width(&self) -> usize {
        if self.has_label() { 9 } else { 8 }
    }
}

impl TableLabel {
    fn told(&self) -> String {
        let labelled = self.positive_rows + self.negative_rows;
        let unlabelled = match self.unlabelled_rows {
            0 => String::new(),
            rows => format!(", {} without a label", count(rows)),
        };
        format!(
            "{} of {} labelled rows are {} ({}){unlabelled}",
            count(self.positive_rows),
            count(labelled),
            self.positive,
            percent(share(self.positive_rows, labelled)),
        )
    }
}

impl FindingKind {
    /// What people call it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Leakage => "leakage",
            Self::Constant => "constant",
            Self::Identifier => "identifier",
            Self::Outliers => "outliers",
            Self::Missing => "missing",
            Self::Misread => "wrong cells",
            Self::Other => "note",
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Leakage | Self::Misread => "error",
            Self::Outliers | Self::Missing => "warn",
            _ => "",
        }
    }
}

impl TableColumn {
    fn missing_text(&self) -> String {
        if self.missing == 0 {
            "none".to_owned()
        } else {
            percent(self.missing_share)
        }
    }

    fn distinct_text(&self) -> String {
        match self.distinct {
            None => String::new(),
            Some(Distinct {
                count: distinct,
                exact: true,
            }) => count(distinct),
            Some(Distinct {
                count: distinct,
                exact: false,
            }) => format!("about {}", count(distinct)),
        }
    }

    fn bound(&self, of: impl Fn(&NumberSpread) -> &Bound) -> String {
        self.numbers
            .as_ref()
            .map(|numbers| bound(of(numbers)))
            .unwrap_or_default()
    }

    fn least(&self) -> String {
        self.bound(|numbers| &numbers.min)
    }

    fn median(&self) -> String {
        self.bound(|numbers| &numbers.median)
    }

    fn greatest(&self) -> String {
        self.bound(|numbers| &numbers.max)
    }

    fn mean(&self) -> String {
        self.numbers
            .as_ref()
            .and_then(|numbers| numbers.mean)
            .map(decimal)
            .unwrap_or_default()
    }

    fn association_text(&self) -> String {
        self.association.map(|found| format!("{found:.2}")).unwrap_or_default()
    }

    fn association_width(&self) -> String {
        format!("{:.1}", self.association.unwrap_or_default() * 100.0)
    }

    fn bars(&self) -> String {
        let rows = self.numbers.as_ref().map(|numbers| numbers.histogram.iter().copied());
        rows.map(chart::bars).unwrap_or_default()
    }

    fn bars_told(&self) -> String {
        let Some(numbers) = &self.numbers else {
            return String::new();
        };
        format!(
            "From {} to {}; half lie between {} and {}",
            bound(&numbers.histogram_from),
            bound(&numbers.histogram_to),
            bound(&numbers.lower_quartile),
            bound(&numbers.upper_quartile)
        )
    }
}

fn bound(bound: &Bound) -> String {
    match bound {
        Bound::Number(number) => decimal(*number),
        Bound::Time(time) => time.clone(),
    }
}
