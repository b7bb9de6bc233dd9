//! The first look at a table: how its text is written and what each column's cells are.
//!
//! Called by `muster init` and `muster profile` with the runs of a file that no contract describes yet. All ways of writing
//! are tried on a column's first cells, then only those that fitted most of them, so that a column costs about what reading
//! it costs. Memory does not grow with rows, but for the hashes of columns whose values are all different, up to a bound.

use hashbrown::HashSet;
use muster_batch::RawLines;
use muster_batch::raw_lines::Uncut;
use muster_contract::text::Parser;
use muster_spec::TextFormat;

use crate::names;
use crate::seen::Seen;
use crate::writings::{self, DATES, MISSING, NUMBERS, UNITS, Way};

/// The share of rows that may become bad because a column was given a type.
const MISREAD_SHARE: f64 = 0.05;
/// The share of rows that may be bad for that or because they cannot be cut. Of ten rows nine must be good, and what else
/// may be wrong with a row is known only when all values are.
const BAD_SHARE: f64 = 0.07;
/// More places than any kind of writing has.
const PLACES_MAX: usize = 96;
/// How many hashes of values are kept over all columns: about 150 MB.
const HASHES_MAX: usize = 8_000_000;

/// What a column's cells are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` and `false`.
    Boolean,
    /// Whole numbers.
    Whole,
    /// Numbers.
    Number,
    /// Numbers with `%` after them.
    Percent,
    /// Numbers with this currency or measure after them.
    Amount(&'static str),
    /// Dates.
    Date,
    /// Dates with a time of day.
    Moment,
    /// Bytes that are no text.
    Bytes,
    /// Everything else.
    Text,
}

/// A column, as far as its cells tell.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name in the file.
    pub header: String,
    /// Its name as a field.
    pub name: String,
    /// What its cells are.
    pub kind: Kind,
    /// Rows without a value.
    pub missing: u64,
    /// Cells that are not of the kind.
    pub misread: u64,
    /// Rows whose value stood in an earlier row; `None` where too many do to count them.
    pub repeats: Option<u64>,
    /// Its different values with their rows, where nearly all rows have one of a few.
    pub few: Option<Vec<(String, u64)>>,
    /// What a reader should know of the guess.
    pub notes: Vec<String>,
}

/// A table, as far as its cells tell.
#[derive(Clone, Debug)]
pub struct Guess {
    /// How its text is written.
    pub format: TextFormat,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows.
    pub rows: u64,
    /// Rows with another number of cells than the header.
    pub ragged: u64,
    /// Those of them that are empty lines.
    pub empty: u64,
    /// Rows whose bytes are not in the encoding.
    pub foreign: u64,
    /// What a reader should know of the guess.
    pub notes: Vec<String>,
}

/// Looks at a table's rows.
pub struct Guesser {
    header: Vec<String>,
    ways: Vec<(Way, Parser)>,
    seen: Vec<Seen>,
    rows: u64,
    ragged: u64,
    empty: u64,
    foreign: u64,
    hashes: usize,
}

impl Guesser {
    /// Of a table with these columns; text may be written in many ways, what comes typed has its own.
    pub fn new(header: &[String], is_text: bool) -> Self {
        let mut ways = writings::all();
        ways.retain(|(way, _)| is_text || way.is_plain());
        Self {
            header: header.to_vec(),
            seen: header.iter().map(|_| Seen::new(ways.len())).collect(),
            ways,
            rows: 0,
            ragged: 0,
            empty: 0,
            foreign: 0,
            hashes: 0,
        }
    }

    /// Adds rows.
    pub fn add(&mut self, lines: &RawLines) {
        self.rows += lines.len() as u64;
        for (_, why, raw) in &lines.uncut {
            match why {
                Uncut::Encoding => self.foreign += 1,
                _ => self.ragged += 1,
            }
            self.empty += u64::from(raw.is_empty());
        }
        let full = self.hashes >= HASHES_MAX;
        for (column, seen) in self.seen.iter_mut().enumerate() {
            for row in 0..lines.len() {
                if !lines.uncut.is_empty() && lines.uncut(row).is_some() {
                    continue;
                }
                match lines.cell(row, column) {
                    None => seen.missing += 1,
                    Some(text) => seen.add(text, &self.ways),
                }
            }
            if full || seen.repeats > 100 + self.rows / 100 {
                seen.hashes = None;
            }
        }
        self.hashes = self
            .seen
            .iter()
            .filter_map(|seen| seen.hashes.as_ref())
            .map(HashSet::len)
            .sum();
    }

    /// How many rows are not in the encoding the table was read in.
    pub fn foreign(&self) -> u64 {
        self.foreign
    }

    /// What was found. `format` is how the table was read: delimiter and encoding.
    pub fn finish(self, format: TextFormat) -> Guess {
        let numbers = self.best(|way| match way {
            Way::Whole(at) | Way::Number(at) | Way::Percent(at) | Way::Amount(_, at) => Some(at),
            _ => None,
        });
        // Where cells end in semicolons, commas are decimal marks.
        let with_comma = |at: &&usize| NUMBERS[**at].0 == b',';
        let comma = (format.delimiter == b';' && numbers[0] != 0).then(|| numbers.iter().find(with_comma));
        let number = comma.flatten().copied().unwrap_or(numbers[0]);
        let date = self.best(|way| match way {
            Way::Date(at) => Some(at),
            _ => None,
        })[0];
        let moment = self.best(|way| match way {
            Way::Moment(at) => Some(at),
            _ => None,
        })[0];
        let names = names::fields(&self.header);
        let mut columns: Vec<Column> = Vec::with_capacity(self.seen.len());
        for ((seen, header), name) in self.seen.iter().zip(&self.header).zip(names) {
            let (kind, misread) = self.kind(seen, number, date, moment);
            let mut column = seen.column(header, name, kind, misread);
            if kind == Kind::Text && column.notes.is_empty() {
                column.notes.extend(self.written_otherwise(seen));
            }
            columns.push(column);
        }
        spare_rows(&mut columns, self.rows, self.ragged + self.foreign);
        let mut format = TextFormat {
            missing: self.missing_texts(&columns),
            ..format
        };
        for (column, seen) in columns.iter_mut().zip(&self.seen) {
            column.settle_missing(seen, &format.missing);
        }
        let any = |kinds: &[Kind]| columns.iter().any(|column| kinds.contains(&column.kind));
        let mut notes = Vec::new();
        if columns.iter().any(|column| column.kind.is_number()) {
            (format.decimal, format.thousands) = NUMBERS[number];
        }
        if any(&[Kind::Date]) {
            format.date = DATES[date].map(str::to_owned);
            notes.extend(self.either_way(date));
        }
        if any(&[Kind::Moment]) {
            format.timestamp = writings::moments().swap_remove(moment);
        }
        Guess {
            format,
            columns,
            rows: self.rows,
            ragged: self.ragged,
            empty: self.empty,
            foreign: self.foreign,
            notes,
        }
    }

    /// The ways of writing that type most cells, among those that `of` gives a place, the plainest first.
    fn best(&self, of: impl Fn(Way) -> Option<usize>) -> Vec<usize> {
        let mut cells = [0_u64; PLACES_MAX];
        for seen in &self.seen {
            let mut of_column = [0_u64; PLACES_MAX];
            for (way, fits) in &seen.fits {
                if let Some(at) = of(self.ways[*way].0).filter(|_| seen.is_most(*fits)) {
                    of_column[at] = of_column[at].max(*fits);
                }
            }
            cells.iter_mut().zip(of_column).for_each(|(sum, cells)| *sum += cells);
        }
        let most = cells.iter().max().copied().unwrap_or_default();
        (0..cells.len()).filter(|at| cells[*at] == most).collect()
    }

    /// What a column is under the ways that were chosen, and how many cells are something else.
    fn kind(&self, seen: &Seen, number: usize, date: usize, moment: usize) -> (Kind, u64) {
        let fits = |way: Way| {
            let found = seen.fits.iter().find(|(at, _)| self.ways[*at].0 == way);
            found.map_or(0, |(_, fits)| *fits)
        };
        let (whole, any) = (fits(Way::Whole(number)), fits(Way::Number(number)));
        // Of numbers that are codes no digit may be lost.
        let is_code = (seen.codes > 0 && whole == any) || (seen.beyond > 0 && seen.digits >= any);
        let kinds = [
            (Kind::Boolean, fits(Way::Boolean)),
            (Kind::Whole, if whole == any && !is_code { whole } else { 0 }),
            (Kind::Number, if is_code { 0 } else { any }),
            (Kind::Percent, fits(Way::Percent(number))),
            (Kind::Date, fits(Way::Date(date))),
            (Kind::Moment, fits(Way::Moment(moment))),
        ];
        let amounts = (0..UNITS.len()).map(|unit| (Kind::Amount(UNITS[unit]), fits(Way::Amount(unit, number))));
        let mut kinds = kinds.into_iter().chain(amounts);
        let typed = kinds.find(|(_, fits)| *fits > 0 && seen.is_most(*fits));
        typed.map_or((Kind::Text, 0), |(kind, fits)| {
            (kind, seen.valued().saturating_sub(fits))
        })
    }

    /// A word where a column of text would have a type if it were written as the file's other columns are.
    fn written_otherwise(&self, seen: &Seen) -> Option<String> {
        let (way, _) = seen.fits.iter().find(|(_, fits)| *fits > 0 && seen.is_most(*fits))?;
        let kind = match self.ways[*way].0 {
            Way::Boolean => return None,
            Way::Whole(_) | Way::Number(_) | Way::Percent(_) | Way::Amount(..) => Kind::Number,
            Way::Date(_) => Kind::Date,
            Way::Moment(_) => Kind::Moment,
        };
        let words = kind.words();
        Some(format!(
            "its {words} are written in another way than the file's other {words}, so it is kept as text"
        ))
    }

    /// The texts that mean no value: those that stand in a column of numbers, dates or truth values.
    fn missing_texts(&self, columns: &[Column]) -> Vec<String> {
        let typed = || {
            self.seen
                .iter()
                .zip(columns)
                .filter(|(_, column)| column.kind != Kind::Text)
        };
        let stands = |marker: &usize| typed().any(|(seen, _)| seen.markers[*marker] > 0);
        (0..MISSING.len())
            .filter(stands)
            .map(|marker| MISSING[marker].to_owned())
            .collect()
    }

    /// A word where all dates would also be dates with day and month the other way round.
    fn either_way(&self, date: usize) -> Option<String> {
        let pattern = DATES[date]?;
        let turned = pattern.replace('d', "#").replace('m', "d").replace('#', "m");
        let other = DATES.iter().position(|other| *other == Some(&*turned))?;
        let fits = |seen: &Seen, at: usize| {
            let found = seen.fits.iter().find(|(way, _)| self.ways[*way].0 == Way::Date(at));
            found.map_or(0, |(_, fits)| *fits)
        };
        let dates = self
            .seen
            .iter()
            .filter(|seen| seen.is_most(fits(seen, date)) && fits(seen, date) > 0);
        let mut dates = dates.peekable();
        dates.peek()?;
        dates
            .all(|seen| fits(seen, other) == fits(seen, date))
            .then(|| format!("no date tells day from month: `{pattern}` was taken, `{turned}` would fit as well"))
    }
}

/// Gives columns back to text until the rows that would be bad for their types are few enough, the worst first. Rows that
/// are lost anyway leave less room, unless they alone take all of it: then no type is given up in vain.
fn spare_rows(columns: &mut [Column], rows: u64, lost: u64) {
    let share = |share: f64| (rows as f64 * share) as u64;
    let room = share(BAD_SHARE).checked_sub(lost);
    let limit = room.map_or(share(MISREAD_SHARE), |room| room.min(share(MISREAD_SHARE)));
    while columns.iter().map(|column| column.misread).sum::<u64>() > limit {
        let Some(worst) = columns.iter_mut().max_by_key(|column| column.misread) else {
            return;
        };
        let noted = format!(
            "{} cells are none of {}, so it is kept as text",
            worst.misread,
            worst.kind.words()
        );
        worst.notes.push(noted);
        worst.kind = Kind::Text;
        worst.misread = 0;
    }
}

impl Kind {
    /// What people call its values.
    pub fn words(self) -> &'static str {
        match self {
            Self::Boolean => "true and false",
            Self::Whole => "whole numbers",
            Self::Number => "numbers",
            Self::Percent => "percentages",
            Self::Amount(_) => "amounts",
            Self::Date => "dates",
            Self::Moment => "timestamps",
            Self::Bytes => "bytes",
            Self::Text => "text",
        }
    }

    /// What stands after each number.
    pub fn unit(self) -> Option<&'static str> {
        match self {
            Self::Percent => Some("%"),
            Self::Amount(unit) => Some(unit),
            _ => None,
        }
    }

    /// Whether values are numbers.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Whole | Self::Number | Self::Percent | Self::Amount(_))
    }
}

impl Guess {
    /// Takes columns for bytes that are no text, by their places in the file.
    pub fn take_as_bytes(&mut self, places: &[usize]) {
        for place in places {
            if let Some(column) = self.columns.get_mut(*place) {
                column.kind = Kind::Bytes;
                column.few = None;
                column.notes.clear();
            }
        }
    }
}

impl Column {
    /// Counts what stands for no value as missing, now that it is known what does.
    fn settle_missing(&mut self, seen: &Seen, missing: &[String]) {
        let counts = seen
            .markers
            .iter()
            .zip(MISSING)
            .filter(|(_, marker)| missing.iter().any(|text| text == marker));
        self.missing += counts.map(|(count, _)| count).sum::<u64>();
        if let Some(few) = &mut self.few {
            few.retain(|(value, _)| !missing.contains(value));
        }
    }
}

#[cfg(test)]
#[path = "guess_tests.rs"]
mod tests;
