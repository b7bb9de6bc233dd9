//! Types the cells of a run by the contract: rows as Arrow columns, and what is wrong with them.
//!
//! Used by `validate`. Goes through a run a column at a time, in blocks of rows small enough to stay in the cache, so
//! that one loop parses one kind. Gives the same rows and findings as publishing the same file and decoding its records.

use std::sync::Arc;

use muster_batch::{Cell, DecodedBatch, Finding, Origin, RawLines, Refusal, Refused, Uncut};
use muster_spec::{Check, Contract, RuleNumber, TextFormat};

use super::fit::ColumnsFit;
use crate::Error;
use crate::decode::columns::{Column, Columns};
use crate::decode::constant::Constant;
use crate::decode::field_rules;
use crate::decode::plan::FieldRules;
use crate::decode::slot::Slot;
use crate::text::Parser;

/// Rows that are typed before the next column is looked at.
const BLOCK_ROWS: usize = 1024;

/// Bytes that are copied at once where a text is not longer.
const STRIDE: usize = 16;

/// Types the runs of one file.
#[derive(Debug)]
pub struct LineDecoder {
    contract: Arc<Contract>,
    fit: Arc<ColumnsFit>,
    parsers: Vec<Parser>,
    defaults: Vec<Option<Constant>>,
    rules: FieldRules,
    undecodable: RuleNumber,
    ragged: RuleNumber,
    columns: RuleNumber,
    /// Whether every row breaks `columns`.
    misfit: bool,
}

/// One column of one block of rows.
struct Block<'l> {
    lines: &'l RawLines,
    /// The rows' places in the run.
    records: &'l [u32],
    /// The number of the first row.
    first_row: usize,
    /// The column's place in the file.
    column: usize,
}

/// How the cells of one field become values.
struct FieldReader<'d> {
    parser: &'d Parser,
    default: Slot<'d>,
    of_type: RuleNumber,
    of_null: Option<RuleNumber>,
}

impl LineDecoder {
    /// A decoder of a file's rows. `format` and `fit` are those of the reader.
    pub fn new(contract: Arc<Contract>, format: &TextFormat, fit: Arc<ColumnsFit>) -> Result<Self, Error> {
        let built_in = |check: &Check| {
            let missing = || Error::Contract(format!("the built-in rule {check:?} is missing"));
            contract.built_in(check, None).ok_or_else(missing)
        };
        let default = |field: &muster_spec::Field| match &field.default {
            None => Ok(None),
            Some(default) => {
                let wrong = || Error::Contract(format!("the default of `{}` is not of its type", field.name));
                Constant::of(default, field).map(Some).ok_or_else(wrong)
            }
        };
        let fields = contract.fields.iter();
        let defaults: Vec<_> = fields.clone().map(default).collect::<Result<_, _>>()?;
        let lacks = |(column, default): (&Option<usize>, &Option<Constant>)| column.is_none() && default.is_none();
        let unknown = fit.misfit.as_ref().is_some_and(|misfit| !misfit.unknown.is_empty());
        Ok(Self {
            parsers: fields.map(|field| Parser::new(field, format)).collect(),
            rules: field_rules(&contract)?,
            undecodable: built_in(&Check::Decodable)?,
            ragged: built_in(&Check::Ragged)?,
            columns: built_in(&Check::Columns)?,
            misfit: unknown || fit.order.iter().zip(&defaults).any(lacks),
            defaults,
            fit,
            contract,
        })
    }

    /// Types a run.
    pub fn decode(&self, lines: RawLines) -> DecodedBatch {
        let refused: Vec<Refused> = lines
            .uncut
            .iter()
            .map(|(row, why, _)| self.refuse(*row, *why))
            .collect();
        let record_of_row = rows_beside(lines.len() as u32, &refused);
        let mut columns = Columns::new(&self.contract, record_of_row.len());
        let mut findings = Vec::new();
        for (at, records) in record_of_row.chunks(BLOCK_ROWS).enumerate() {
            columns.fill(records.len(), |field, column| {
                let block = Block {
                    lines: &lines,
                    records,
                    first_row: at * BLOCK_ROWS,
                    column: self.fit.order[field].unwrap_or(usize::MAX),
                };
                self.fill(field, &block, column, &mut findings);
            });
        }
        self.find_misfits(&lines, &record_of_row, &mut findings);
        findings.sort_unstable();
        DecodedBatch {
            rows: columns.finish(),
            origin: Origin::Lines(lines),
            record_of_row,
            refused,
            findings,
            tombstones: Vec::new(),
        }
    }

    fn refuse(&self, record: u32, why: Uncut) -> Refused {
        let (rule, reason) = match why {
            Uncut::Ragged => (self.ragged, Refusal::Ragged),
            Uncut::Encoding => (self.undecodable, Refusal::LineEncoding),
            Uncut::Json => (self.undecodable, Refusal::Json),
        };
        Refused { record, rule, reason }
    }

    /// Findings of `columns`: on all rows of a file whose columns do not fit, or on the rows that alone have others.
    fn find_misfits(&self, lines: &RawLines, record_of_row: &[u32], findings: &mut Vec<Finding>) {
        let rule = self.columns;
        if self.misfit {
            findings.extend((0..record_of_row.len() as u32).map(|row| Finding { row, rule }));
            return;
        }
        let lacks = |name: &String| {
            let field = self.contract.field(name);
            field.is_none_or(|field| self.defaults[field].is_none())
        };
        for (record, misfit) in &lines.misfits {
            if (!misfit.unknown.is_empty() || misfit.missing.iter().any(lacks))
                && let Ok(row) = record_of_row.binary_search(record)
            {
                let row = row as u32;
                findings.push(Finding { row, rule });
            }
        }
    }

    /// Adds a block's values to a column.
    fn fill(&self, field: usize, block: &Block<'_>, column: &mut Column, findings: &mut Vec<Finding>) {
        let default = self.defaults[field]
            .as_ref()
            .map_or(Slot::Null, |default| default.slot());
        if self.fit.order[field].is_none() {
            block.records.iter().for_each(|_| column.push(default));
            return;
        }
        let reader = FieldReader {
            parser: &self.parsers[field],
            default,
            of_type: self.rules.types[field],
            of_null: self.rules.nulls[field],
        };
        match column {
            Column::Bytes(values, offsets, valid) if reader.parser.takes_all() => {
                let mut texts = Texts::new(values, block);
                block.each(|row, cell, text| {
                    let there = if cell.start < cell.end {
                        texts.push(block.lines, cell);
                        true
                    } else {
                        match reader.rest(row, cell, text, findings) {
                            Slot::Bytes(value) => {
                                texts.push_from(value);
                                true
                            }
                            _ => false,
                        }
                    };
                    offsets.push(texts.end as i32);
                    valid.push(there);
                });
                texts.finish();
            }
            Column::Double(values, valid) => block.each(|row, cell, text| {
                let slot = reader.read(row, cell, text, findings);
                let (value, there) = if let Slot::Double(value) = slot {
                    (value, true)
                } else {
                    (0.0, false)
                };
                values.push(value);
                valid.push(there);
            }),
            Column::Long(values, valid) => block.each(|row, cell, text| {
                let slot = reader.read(row, cell, text, findings);
                let (value, there) = if let Slot::Long(value) = slot {
                    (value, true)
                } else {
                    (0, false)
                };
                values.push(value);
                valid.push(there);
            }),
            Column::Int(values, valid) => block.each(|row, cell, text| {
                let slot = reader.read(row, cell, text, findings);
                let (value, there) = if let Slot::Int(value) = slot {
                    (value, true)
                } else {
                    (0, false)
                };
                values.push(value);
                valid.push(there);
            }),
            other => block.each(|row, cell, text| other.push(reader.read(row, cell, text, findings))),
        }
    }
}

impl Block<'_> {
    /// Calls with each row's number, cell and text (empty where the cell has none).
    #[inline]
    fn each(&self, mut take: impl FnMut(u32, Cell, &[u8])) {
        let lines = self.lines;
        for (row, record) in (self.first_row as u32..).zip(self.records) {
            let cell = lines.cells[*record as usize * lines.width + self.column];
            let text = lines.text.get(cell.start as usize..cell.end as usize);
            take(row, cell, text.unwrap_or_default());
        }
    }
}

impl<'d> FieldReader<'d> {
    #[inline]
    fn read<'t>(&self, row: u32, cell: Cell, text: &'t [u8], findings: &mut Vec<Finding>) -> Slot<'t>
    where
        'd: 't,
    {
        if cell.start < cell.end
            && let Some(slot) = self.parser.parse_bytes(text)
        {
            return slot;
        }
        self.rest(row, cell, text, findings)
    }

    /// A cell that is no text of a value: null, absent, empty text, or text that means none.
    fn rest<'t>(&self, row: u32, cell: Cell, text: &'t [u8], findings: &mut Vec<Finding>) -> Slot<'t>
    where
        'd: 't,
    {
        let broken = if cell.start == cell.end {
            self.of_null
        } else if cell == Cell::ABSENT {
            return self.default;
        } else {
            match self.parser.parse_bytes(text) {
                Some(slot) => return slot,
                None => Some(self.of_type),
            }
        };
        findings.extend(broken.map(|rule| Finding { row, rule }));
        Slot::Null
    }
}

/// A column's text while a block is added: written in strides into room made before, because most texts are shorter
/// than a call to copy them would cost.
struct Texts<'v> {
    values: &'v mut Vec<u8>,
    end: usize,
}

impl<'v> Texts<'v> {
    fn new(values: &'v mut Vec<u8>, block: &Block<'_>) -> Self {
        let end = values.len();
        let mut bytes = 0;
        block.each(|_, cell, _| bytes += cell.end.saturating_sub(cell.start) as usize);
        values.resize(end + bytes + STRIDE, 0);
        Self { values, end }
    }

    #[inline]
    fn push(&mut self, lines: &RawLines, cell: Cell) {
        let start = cell.start as usize;
        let length = (cell.end - cell.start) as usize;
        if length <= STRIDE
            && let Some(text) = lines.text.get(start..start + STRIDE)
        {
            self.values[self.end..self.end + STRIDE].copy_from_slice(text);
        } else {
            self.values[self.end..self.end + length].copy_from_slice(&lines.text[start..start + length]);
        }
        self.end += length;
    }

    /// Adds a text that is no cell's: a default.
    #[cold]
    fn push_from(&mut self, text: &[u8]) {
        self.values.resize(self.values.len() + text.len(), 0);
        self.values[self.end..self.end + text.len()].copy_from_slice(text);
        self.end += text.len();
    }

    fn finish(self) {
        self.values.truncate(self.end);
    }
}

/// The records that are not refused.
fn rows_beside(records: u32, refused: &[Refused]) -> Vec<u32> {
    if refused.is_empty() {
        return (0..records).collect();
    }
    let mut refused = refused.iter().map(|refused| refused.record).peekable();
    (0..records)
        .filter(|record| refused.next_if_eq(record).is_none())
        .collect()
}
