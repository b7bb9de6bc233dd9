//! JSON records: one object a record, its members the contract's fields by name, nested records as objects.
//!
//! Called by [`super::Decoder::decode`]. The object is scanned whole before anything becomes a row, so a record that is
//! cut short leaves no trace. Kinds that do not fit break `FIELD.type`; unknown members, and missing ones without a
//! default, break `columns`. One scratch text and one row of cells serve all records.

use std::collections::HashMap;

use muster_batch::{Finding, RawBatch, Refusal};
use muster_spec::{Contract, Field, FieldKind, RuleNumber, TextFormat};

use super::json_scan::{Scan, Text, Token};
use super::published::ColumnNote;
use super::slot::Slot;
use super::{Admitted, Decoder, Rows};
use crate::text::Parser;

/// The contract's fields as objects have them, and how their texts are parsed.
#[derive(Debug)]
pub(crate) struct Shape {
    /// The record itself is the first; nested ones are named by their place.
    records: Vec<Record>,
    parsers: Vec<Parser>,
    /// For numbers, which JSON writes in one way only.
    number_parsers: Vec<Parser>,
}

/// Members of one object by name.
#[derive(Debug, Default)]
struct Record {
    names: Vec<(String, Member)>,
    places: HashMap<String, usize>,
}

#[derive(Clone, Copy, Debug)]
enum Member {
    Column(usize),
    Record(usize),
}

/// What an object has for a column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Absent,
    Null,
    Boolean(bool),
    Number(&'a str),
    Text(&'a str),
    /// A range of the scratch text.
    Unescaped(usize, usize),
    /// An object or array.
    Nested,
}

impl Shape {
    pub(crate) fn new(contract: &Contract) -> Self {
        let parsers = |format: &TextFormat| {
            let fields = contract.fields.iter();
            fields.map(|field| Parser::new(field, format)).collect()
        };
        let mut shape = Self {
            records: vec![Record::default()],
            parsers: parsers(&contract.text_format),
            number_parsers: parsers(&TextFormat::default()),
        };
        for (column, field) in contract.fields.iter().enumerate() {
            let (last, outer) = field.path.split_last().expect("a field's path has its name");
            let mut record = 0;
            for name in outer {
                record = shape.inner(record, name);
            }
            shape.records[record].add(last, Member::Column(column));
            // A field whose name in files is no Avro name may have that name in objects too.
            if field.source != field.name && !shape.records[0].places.contains_key(&field.source) {
                shape.records[0].add(&field.source, Member::Column(column));
            }
        }
        shape
    }

    /// Scans one object into `cells`, one a column and all absent before; tells whether it has members that the contract
    /// does not know.
    pub(crate) fn scan<'a>(
        &self,
        text: &'a str,
        cells: &mut Vec<Cell<'a>>,
        scratch: &mut String,
    ) -> Result<bool, Refusal> {
        let mut object = Object {
            shape: self,
            scan: Scan::new(text),
            cells,
            scratch,
            unknown: false,
        };
        object.read()?;
        Ok(object.unknown)
    }

    fn inner(&mut self, record: usize, name: &str) -> usize {
        if let Some((_, Member::Record(inner))) = self.records[record].find(name, 0) {
            return inner;
        }
        self.records.push(Record::default());
        let inner = self.records.len() - 1;
        self.records[record].add(name, Member::Record(inner));
        inner
    }
}

impl Record {
    fn add(&mut self, name: &str, member: Member) {
        self.places.insert(name.to_owned(), self.names.len());
        self.names.push((name.to_owned(), member));
    }

    /// The member of this name and its place, looked for at `expected` first: records mostly keep one order.
    fn find(&self, name: &str, expected: usize) -> Option<(usize, Member)> {
        match self.names.get(expected) {
            Some((found, member)) if found == name => Some((expected, *member)),
            _ => self.places.get(name).map(|place| (*place, self.names[*place].1)),
        }
    }
}

/// One record's cells while its object is scanned.
struct Object<'a, 's> {
    shape: &'s Shape,
    scan: Scan<'a>,
    cells: &'s mut Vec<Cell<'a>>,
    scratch: &'s mut String,
    /// Whether a member was met that the contract does not know.
    unknown: bool,
}

impl<'a> Object<'a, '_> {
    fn read(&mut self) -> Result<(), Refusal> {
        self.scan.expect(b'{')?;
        self.record(0, 1)?;
        self.scan.end()
    }

    fn record(&mut self, record: usize, depth: usize) -> Result<(), Refusal> {
        let shape = self.shape;
        let mut expected = 0;
        let mut first = true;
        while let Some(name) = self.scan.member(first)? {
            first = false;
            let found = if name.escaped {
                let start = self.unescape(name);
                let found = shape.records[record].find(&self.scratch[start..], expected);
                self.scratch.truncate(start);
                found
            } else {
                shape.records[record].find(name.raw, expected)
            };
            let token = self.scan.value()?;
            let Some((place, member)) = found else {
                self.unknown = true;
                self.scan.skip(token, depth)?;
                continue;
            };
            expected = place + 1;
            match member {
                Member::Column(column) => {
                    let cell = self.cell(token, depth)?;
                    self.set(column, cell)?;
                }
                Member::Record(inner) if token == Token::Object => self.record(inner, depth + 1)?,
                Member::Record(inner) => {
                    let cell = self.cell(token, depth)?;
                    self.fill(inner, if cell == Cell::Null { cell } else { Cell::Nested })?;
                }
            }
        }
        Ok(())
    }

    fn cell(&mut self, token: Token<'a>, depth: usize) -> Result<Cell<'a>, Refusal> {
        Ok(match token {
            Token::Null => Cell::Null,
            Token::Boolean(value) => Cell::Boolean(value),
            Token::Number(text) => Cell::Number(text),
            Token::Text(text) if text.escaped => {
                let start = self.unescape(text);
                Cell::Unescaped(start, self.scratch.len())
            }
            Token::Text(text) => Cell::Text(text.raw),
            Token::Object | Token::Array => {
                self.scan.skip(token, depth)?;
                Cell::Nested
            }
        })
    }

    /// A member may stand once: of two values none can be trusted.
    fn set(&mut self, column: usize, cell: Cell<'a>) -> Result<(), Refusal> {
        if self.cells[column] != Cell::Absent {
            return Err(Refusal::Json);
        }
        self.cells[column] = cell;
        Ok(())
    }

    /// The same cell for all columns of a nested record.
    fn fill(&mut self, record: usize, cell: Cell<'a>) -> Result<(), Refusal> {
        let shape = self.shape;
        shape.records[record]
            .names
            .iter()
            .try_for_each(|(_, member)| match member {
                Member::Column(column) => self.set(*column, cell),
                Member::Record(inner) => self.fill(*inner, cell),
            })
    }

    /// Appends a text without its escapes to the scratch text and tells where it begins.
    fn unescape(&mut self, text: Text<'a>) -> usize {
        let start = self.scratch.len();
        text.unescape(self.scratch);
        start
    }
}

impl Decoder {
    pub(super) fn decode_json(&self, batch: &RawBatch) -> Rows {
        let mut rows = Rows::new(&self.contract, batch.len());
        let mut cells = Vec::with_capacity(self.contract.fields.len());
        let mut scratch = String::new();
        for record in 0..batch.len() {
            match self.admit(batch, record) {
                Admitted::Tombstone => rows.tombstones.push(record as u32),
                Admitted::Refused(reason) => rows.refused.push(self.refuse(record, reason)),
                Admitted::Payload(payload, columns) => {
                    cells.clear();
                    cells.resize(self.contract.fields.len(), Cell::Absent);
                    scratch.clear();
                    let columns = columns.map(|value| ColumnNote::read(value, &self.contract, &self.defaults));
                    match self.scan_object(payload, &mut cells, &mut scratch) {
                        Err(reason) => rows.refused.push(self.refuse(record, reason)),
                        Ok(unknown) => {
                            let breaks = unknown || columns.is_some_and(|note| note.breaks);
                            self.push_object(record, &cells, &scratch, breaks, &mut rows);
                        }
                    }
                }
            }
        }
        rows
    }

    /// Scans a payload into cells; tells whether it has members that the contract does not know.
    fn scan_object<'a>(
        &self,
        payload: &'a [u8],
        cells: &mut Vec<Cell<'a>>,
        scratch: &mut String,
    ) -> Result<bool, Refusal> {
        let text = simdutf8::basic::from_utf8(payload).map_err(|_| Refusal::Utf8)?;
        self.json.scan(text, cells, scratch)
    }

    fn push_object(&self, record: usize, cells: &[Cell<'_>], scratch: &str, breaks: bool, rows: &mut Rows) {
        let row = rows.next();
        let absent = |(column, cell): (usize, &Cell<'_>)| *cell == Cell::Absent && self.defaults[column].is_none();
        if breaks || cells.iter().enumerate().any(absent) {
            let rule = self.columns;
            rows.findings.push(Finding { row, rule });
        }
        let findings = &mut rows.findings;
        rows.columns.push_each(|column| {
            let (slot, broken) = self.slot(column, cells[column], scratch);
            findings.extend(broken.map(|rule| Finding { row, rule }));
            slot
        });
        rows.record_of_row.push(record as u32);
    }

    /// A cell as the field's value, and the rule it breaks.
    fn slot<'s>(&'s self, column: usize, cell: Cell<'s>, scratch: &'s str) -> (Slot<'s>, Option<RuleNumber>) {
        let field = &self.contract.fields[column];
        let parser = &self.json.parsers[column];
        let value = match cell {
            Cell::Absent => {
                let default = self.defaults[column].as_ref();
                return (default.map_or(Slot::Null, |default| default.slot()), None);
            }
            Cell::Null => return (Slot::Null, self.rules.nulls[column]),
            Cell::Boolean(value) => (field.kind == FieldKind::Boolean).then_some(Slot::Boolean(value)),
            Cell::Number(text) => number(text, field, &self.json.number_parsers[column]),
            Cell::Text(text) => parser.parse(text),
            Cell::Unescaped(start, end) => parser.parse(&scratch[start..end]),
            Cell::Nested => None,
        };
        match value {
            Some(value) => (value, None),
            None => (Slot::Null, Some(self.rules.types[column])),
        }
    }
}

/// A JSON number as the field's value. Dates and timestamps may be numbers in the unit of their Avro type.
fn number<'s>(text: &'s str, field: &Field, parser: &Parser) -> Option<Slot<'s>> {
    match field.kind {
        FieldKind::Int | FieldKind::Date => text.parse().ok().map(Slot::Int),
        FieldKind::Long | FieldKind::TimestampMillis | FieldKind::TimestampMicros => text.parse().ok().map(Slot::Long),
        FieldKind::Float => text
            .parse()
            .ok()
            .filter(|value: &f32| value.is_finite())
            .map(Slot::Float),
        FieldKind::Double => text
            .parse()
            .ok()
            .filter(|value: &f64| value.is_finite())
            .map(Slot::Double),
        FieldKind::Decimal { .. } => parser.parse(text),
        FieldKind::Boolean | FieldKind::Text | FieldKind::Bytes | FieldKind::Enum(_) => None,
    }
}
