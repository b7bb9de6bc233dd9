//! A file of patches: rows named by position or key, and cells to set.
//!
//! Read by `muster bad repair --patch`, whole, before anything is done. CSV, or JSON lines where the name says so. Rows
//! are named by `_source` and `_offset`, as `muster bad export` writes them, else by the contract's key. A JSON member that is
//! absent, and a cell that holds the mask of a personal value, leave the field as it is.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, bail};
use muster_contract::lines::{Bounds, LineReader, Shape};
use muster_spec::{Contract, SourceId, TextFormat};
use serde_json::Value;

use super::patching::MASK;
use crate::cli::FileFormat;

const SOURCE: &str = "_source";
const OFFSET: &str = "_offset";
/// Rows of a file at most: it is held in memory.
const ROWS_MAX: usize = 5_000_000;

/// Patches of rows.
#[derive(Debug, Default)]
pub struct Cells {
    /// The fields that are set.
    pub fields: Vec<usize>,
    /// For each row a cell a field.
    cells: Vec<Cell>,
    by_position: HashMap<(i64, i64), usize>,
    by_key: HashMap<String, usize>,
    /// For each row, whether a bad row was found that it names.
    met: Vec<bool>,
}

/// What a field becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// It stays as it is.
    Kept,
    /// Nothing.
    Null,
    /// This text, parsed by the contract.
    Text(String),
}

/// Where a bad row is, and what its key is.
pub struct Place<'a> {
    /// Its source.
    pub source: SourceId,
    /// Its offset.
    pub offset: i64,
    /// Its key, as text.
    pub key: Option<&'a str>,
}

/// What a column of the file is.
#[derive(Clone, Copy, PartialEq)]
enum Column {
    Source,
    Offset,
    Key,
    Field(usize),
    /// Beside the point: `_topic`, `_rules`.
    Note,
}

impl Cells {
    /// Reads a file.
    pub fn read(path: &Path, contract: &Contract) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("could not read `{}`", path.display()))?;
        let read = match FileFormat::of_name(path) {
            FileFormat::Csv => Self::read_csv(file, contract),
            FileFormat::Jsonl => Self::read_jsonl(file, contract),
            other => bail!(
                "`{}` is {}: patches are CSV or JSON lines",
                path.display(),
                other.words()
            ),
        };
        let cells = read.with_context(|| format!("`{}` is no file of patches", path.display()))?;
        if cells.fields.is_empty() {
            bail!("`{}` sets no field of `{}`", path.display(), contract.name);
        }
        Ok(cells)
    }

    fn read_csv(file: File, contract: &Contract) -> anyhow::Result<Self> {
        let format = TextFormat {
            encoding: "utf-8".into(),
            delimiter: b',',
            ..contract.text_format.clone()
        };
        let mut reader = LineReader::open(file, Shape::Csv, contract, &format, Bounds::default())?;
        let columns = columns(reader.header(), contract)?;
        let mut cells = Self::setting(&columns);
        while let Some(run) = reader.next_run()? {
            for row in 0..run.len() {
                let line = run.lines[row];
                if run.uncut(row).is_some() {
                    bail!("line {line} has another number of cells than the header, or is not UTF-8");
                }
                let value = |at: usize| match run.cell(row, at) {
                    Some(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
                    None => Cell::Null,
                };
                let given = columns.iter().enumerate().map(|(at, column)| (*column, value(at)));
                cells.add(given.collect(), &format!("line {line}"))?;
            }
        }
        Ok(cells)
    }

    fn read_jsonl(file: File, contract: &Contract) -> anyhow::Result<Self> {
        let mut objects = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for (at, line) in BufReader::new(file).lines().enumerate() {
            let line = line?;
            if line.trim().is_empty() {
                continue;
            }
            // The parser's own words would quote the line.
            let Ok(Value::Object(object)) = serde_json::from_str(&line) else {
                bail!("line {} is not one JSON object", at + 1);
            };
            names.extend(
                object
                    .keys()
                    .filter(|name| !names.contains(name))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
            objects.push((at + 1, object));
        }
        let columns = columns(&names, contract)?;
        let mut cells = Self::setting(&columns);
        for (line, object) in objects {
            let value = |column: Column, name: &String| match object.get(name) {
                None => Cell::Kept,
                Some(Value::Null) => Cell::Null,
                Some(Value::String(text)) => Cell::Text(text.clone()),
                Some(Value::Number(number)) => Cell::Text(written(&number.to_string(), column, contract)),
                Some(other) => Cell::Text(other.to_string()),
            };
            let given = columns.iter().zip(&names);
            let given = given.map(|(column, name)| (*column, value(*column, name)));
            cells.add(given.collect(), &format!("line {line}"))?;
        }
        Ok(cells)
    }

    fn setting(columns: &[Column]) -> Self {
        let field = |column: &Column| match column {
            Column::Field(field) => Some(*field),
            _ => None,
        };
        Self {
            fields: columns.iter().filter_map(field).collect(),
            ..Self::default()
        }
    }

    /// Adds a row: what each column holds.
    fn add(&mut self, given: Vec<(Column, Cell)>, line: &str) -> anyhow::Result<()> {
        let (mut source, mut offset, mut key) = (None, None, None);
        for (column, cell) in given {
            match (column, cell) {
                (Column::Source, Cell::Text(text)) => source = text.parse::<i64>().ok(),
                (Column::Offset, Cell::Text(text)) => offset = text.parse::<i64>().ok(),
                (Column::Key, Cell::Text(text)) => key = Some(text),
                (Column::Field(_), Cell::Text(text)) if text == MASK => self.cells.push(Cell::Kept),
                (Column::Field(_), cell) => self.cells.push(cell),
                _ => {}
            }
        }
        let row = self.met.len();
        let twice = match (source.zip(offset), key) {
            (Some(position), _) => self.by_position.insert(position, row),
            (None, Some(key)) => self.by_key.insert(key, row),
            (None, None) => bail!("{line} names no row: it needs `{SOURCE}` and `{OFFSET}`, or the key"),
        };
        if twice.is_some() {
            bail!("{line} names a row that another line names");
        }
        self.met.push(false);
        if self.met.len() > ROWS_MAX {
            bail!("it has more than {ROWS_MAX} rows\n  hint: split it");
        }
        Ok(())
    }

    /// The offsets that are named in a source; `None` where rows are named by key.
    pub fn offsets(&self, source: SourceId) -> Option<HashSet<i64>> {
        if self.by_position.is_empty() {
            return None;
        }
        let of_source = self.by_position.keys().filter(|(of, _)| *of == source.0);
        Some(of_source.map(|(_, offset)| *offset).collect())
    }

    /// The file's row for a bad row, which is met then.
    pub fn meet(&mut self, place: &Place<'_>) -> Option<usize> {
        let by_position = self.by_position.get(&(place.source.0, place.offset));
        let found = by_position.or_else(|| place.key.and_then(|key| self.by_key.get(key)));
        let row = *found?;
        self.met[row] = true;
        Some(row)
    }

    /// How many rows name no bad row that was met.
    pub fn unmet(&self) -> u64 {
        self.met.iter().filter(|met| !**met).count() as u64
    }

    /// What a field becomes, counted among those that are set.
    pub fn cell(&self, row: usize, column: usize) -> &Cell {
        &self.cells[row * self.fields.len() + column]
    }
}

/// A JSON number as the contract writes numbers: texts are read by its marks.
fn written(number: &str, column: Column, contract: &Contract) -> String {
    match column {
        Column::Field(field) if !contract.fields[field].kind.is_text() => {
            number.replace('.', &char::from(contract.text_format.decimal).to_string())
        }
        _ => number.to_owned(),
    }
}

/// What each column is. The key names rows where no position does, and is a field like any other where one does.
fn columns(names: &[String], contract: &Contract) -> anyhow::Result<Vec<Column>> {
    let by_position = [SOURCE, OFFSET]
        .iter()
        .all(|wanted| names.iter().any(|name| name == wanted));
    let column = |name: &String| match name.as_str() {
        SOURCE => Ok(Column::Source),
        OFFSET => Ok(Column::Offset),
        note if note.starts_with('_') => Ok(Column::Note),
        name => {
            let of_name = |field: &muster_spec::Field| field.name == name || field.source == name;
            match contract.fields.iter().position(of_name) {
                Some(field) if field == contract.key && !by_position => Ok(Column::Key),
                Some(field) => Ok(Column::Field(field)),
                None => bail!("`{}` has no field `{name}`", contract.name),
            }
        }
    };
    let columns: Vec<Column> = names.iter().map(column).collect::<anyhow::Result<_>>()?;
    if !by_position && !columns.contains(&Column::Key) {
        let key = &contract.fields[contract.key].name;
        bail!("its rows have no name: it needs the columns `{SOURCE}` and `{OFFSET}`, or the key `{key}`");
    }
    Ok(columns)
}

#[cfg(test)]
#[path = "cells_tests.rs"]
mod tests;
