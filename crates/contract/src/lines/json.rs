//! Cuts the text of a file of JSON lines into rows and cells.
//!
//! Used by the reader on one buffer at a time. Cells are the texts of the values, as a CSV file would write them, so that
//! both kinds of file are judged alike and `publish` sends them alike. A row that has other members than the contract's
//! columns carries its own misfit; where only columns are left out whose default is null, nothing needs to be said.

use std::sync::Arc;

use memchr::memchr;
use muster_batch::{Cell, Misfit, RawLines, Uncut};
use muster_spec::{Contract, Field, FieldKind, TextFormat};
use serde_json::Value as Json;

use super::cut::{ROW_BYTES_MAX, Starts, Stop};
use crate::decode::json::{Cell as Member, Shape};

/// Cuts objects by a contract's columns.
#[derive(Debug)]
pub(super) struct ObjectCutter {
    shape: Shape,
    fields: Vec<Field>,
    decimal: u8,
    scratch: String,
    /// The misfit met last: rows mostly have the same members as the row before.
    last: Option<Arc<Misfit>>,
}

impl ObjectCutter {
    pub(super) fn new(contract: &Contract, format: &TextFormat) -> Self {
        Self {
            shape: Shape::new(contract),
            fields: contract.fields.clone(),
            decimal: format.decimal,
            scratch: String::new(),
            last: None,
        }
    }

    /// Cuts whole lines from `from` on, until `rows_max` are in `lines` or the text has no whole line left.
    pub(super) fn cut(
        &mut self,
        text: &[u8],
        ended: bool,
        (mut at, mut line): (usize, u64),
        rows_max: usize,
        lines: &mut RawLines,
        starts: &mut Starts,
    ) -> Stop {
        let mut members = Vec::with_capacity(self.fields.len());
        while lines.len() < rows_max && at < text.len() {
            let rest = &text[at..];
            let feed = memchr(b'\n', rest);
            if feed.is_none() && !ended && rest.len() <= ROW_BYTES_MAX {
                break;
            }
            let raw = &rest[..feed.unwrap_or(rest.len())];
            let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
            let object = if raw.len() > ROW_BYTES_MAX {
                Err(Uncut::Json)
            } else {
                let object = std::str::from_utf8(raw).map_err(|_| Uncut::Encoding);
                object.and_then(|object| self.object(object, &mut members, lines))
            };
            if let Err(why) = object {
                let raw = &raw[..raw.len().min(ROW_BYTES_MAX)];
                lines.uncut.push((lines.len() as u32, why, raw.to_vec()));
                lines.cells.resize((lines.len() + 1) * lines.width, Cell::NULL);
            }
            lines.lines.push(line);
            starts.push(at as u32);
            at += feed.map_or(rest.len(), |feed| feed + 1);
            line += u64::from(feed.is_some());
            if feed.is_none() {
                let skipping = true;
                return Stop { at, line, skipping };
            }
        }
        let skipping = false;
        Stop { at, line, skipping }
    }

    /// Cuts one object, or leaves nothing of it.
    fn object<'t>(
        &mut self,
        object: &'t str,
        members: &mut Vec<Member<'t>>,
        lines: &mut RawLines,
    ) -> Result<(), Uncut> {
        members.clear();
        members.resize(self.fields.len(), Member::Absent);
        self.scratch.clear();
        let scanned = self.shape.scan(object, members, &mut self.scratch);
        let mut unknown = scanned.map_err(|_| Uncut::Json)?;
        let (text_before, cells_before) = (lines.text.len(), lines.cells.len());
        let mut whole: Option<Json> = None;
        for (field, member) in self.fields.iter().zip(&*members) {
            let start = lines.text.len();
            match member {
                Member::Absent => {
                    lines.cells.push(Cell::ABSENT);
                    unknown |= field.default.as_ref().is_none_or(|default| !default.is_null());
                    continue;
                }
                Member::Null => {
                    lines.cells.push(Cell::NULL);
                    continue;
                }
                Member::Boolean(true) => lines.text.extend_from_slice(b"true"),
                Member::Boolean(false) => lines.text.extend_from_slice(b"false"),
                Member::Number(number) => {
                    lines.text.extend_from_slice(number.as_bytes());
                    if self.decimal != b'.' && has_mark(&field.kind) {
                        let points = lines.text[start..].iter_mut().filter(|byte| **byte == b'.');
                        points.for_each(|byte| *byte = self.decimal);
                    }
                }
                Member::Text(text) => lines.text.extend_from_slice(text.as_bytes()),
                Member::Unescaped(from, to) => lines.text.extend_from_slice(&self.scratch.as_bytes()[*from..*to]),
                Member::Nested => {
                    let whole = whole.get_or_insert_with(|| serde_json::from_str(object).unwrap_or_default());
                    let Some(nested) = nested(whole, field) else {
                        lines.text.truncate(text_before);
                        lines.cells.truncate(cells_before);
                        return Err(Uncut::Json);
                    };
                    lines.text.extend_from_slice(nested.to_string().as_bytes());
                }
            }
            let end = lines.text.len();
            lines.cells.push(if start == end {
                Cell::EMPTY
            } else {
                Cell {
                    start: start as u32,
                    end: end as u32,
                }
            });
        }
        if unknown {
            let misfit = self.misfit(object, members);
            lines.misfits.push((lines.len() as u32, misfit));
        }
        Ok(())
    }

    /// What does not fit in an object.
    #[cold]
    fn misfit(&mut self, object: &str, members: &[Member<'_>]) -> Arc<Misfit> {
        let missing = self.fields.iter().zip(members);
        let missing = missing.filter(|(field, member)| {
            let matters = field.default.as_ref().is_none_or(|default| !default.is_null());
            **member == Member::Absent && matters
        });
        let mut misfit = Misfit {
            missing: missing.map(|(field, _)| field.name.clone()).collect(),
            unknown: Vec::new(),
        };
        let whole: Json = serde_json::from_str(object).unwrap_or_default();
        unknown_names(&whole, &mut Vec::new(), &self.fields, &mut misfit.unknown);
        match &self.last {
            Some(last) if **last == misfit => Arc::clone(last),
            _ => Arc::clone(self.last.insert(Arc::new(misfit))),
        }
    }
}

/// Whether a number of this kind may have a decimal mark.
fn has_mark(kind: &FieldKind) -> bool {
    matches!(
        kind,
        FieldKind::Int | FieldKind::Long | FieldKind::Float | FieldKind::Double | FieldKind::Decimal { .. }
    )
}

/// The object or array that stands where the contract has one value; nothing where one value stands for a record.
fn nested<'j>(whole: &'j Json, field: &Field) -> Option<&'j Json> {
    let inner = field.path.iter().try_fold(whole, |outer, name| outer.get(name));
    let found = inner.or_else(|| whole.get(&field.source))?;
    (found.is_object() || found.is_array()).then_some(found)
}

/// The members that are no column and hold none, by their names from the outermost object in, joined as columns are.
fn unknown_names(object: &Json, path: &mut Vec<String>, fields: &[Field], unknown: &mut Vec<String>) {
    for (name, value) in object.as_object().into_iter().flatten() {
        path.push(name.clone());
        let is_column = fields
            .iter()
            .any(|field| field.path == *path || (path.len() == 1 && field.source == *name));
        if !is_column {
            if fields.iter().any(|field| field.path.starts_with(path)) {
                unknown_names(value, path, fields, unknown);
            } else {
                unknown.push(path.join("_"));
            }
        }
        path.pop();
    }
}
