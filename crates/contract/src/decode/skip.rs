//! Passing over what a writer wrote and the contract does not want.
//!
//! Compiled by [`super::resolve`], run by [`super::plan`]. A writer's schema may nest and refer to itself, so the shapes
//! lie in one list and name each other by number. The work is bounded by the message: shapes that take no bytes are
//! passed without looking at them, everything else takes at least one byte, and nesting is limited.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::schema::{InnerDecimalSchema, Name, UuidSchema};
use muster_batch::Refusal;

use super::cursor::Cursor;
use super::named::Named;

/// How deep the arrays, maps, records and unions of a skipped value may nest.
const DEPTH_MAX: usize = 256;

/// A shape's place in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SkipId(u32);

/// How to pass over a value.
#[derive(Clone, Debug)]
enum Skip {
    /// It takes no bytes.
    Nothing,
    Boolean,
    Int,
    Long,
    /// Floats, doubles, fixed.
    Fixed(usize),
    /// Bytes and text.
    Bytes,
    /// An enum with this many symbols.
    Enum(usize),
    Union(Vec<SkipId>),
    Record(Vec<SkipId>),
    Array(SkipId),
    /// Keys are texts.
    Map(SkipId),
}

/// The shapes of one writer.
#[derive(Debug, Default)]
pub(super) struct Skips {
    shapes: Vec<Skip>,
    records: HashMap<Name, SkipId>,
}

impl Skips {
    /// The shape of a writer's schema; `named` finds what a reference names.
    pub(super) fn add<'s>(&mut self, schema: &'s Schema, named: &Named<'s>) -> SkipId {
        let shape = match named.follow(schema) {
            Schema::Record(record) => {
                if let Some(id) = self.records.get(&record.name) {
                    return *id;
                }
                // The number is taken before the fields are looked at: a field may refer to this record.
                let id = self.push(Skip::Record(Vec::new()));
                self.records.insert(record.name.clone(), id);
                let fields = record.fields.iter().map(|field| self.add(&field.schema, named));
                self.shapes[id.0 as usize] = Skip::Record(fields.collect());
                return id;
            }
            // A reference that stays one names nothing, which the schema's reader does not let through.
            Schema::Null | Schema::Ref { .. } => Skip::Nothing,
            Schema::Boolean => Skip::Boolean,
            Schema::Int | Schema::Date | Schema::TimeMillis => Skip::Int,
            Schema::Long
            | Schema::TimeMicros
            | Schema::TimestampMillis
            | Schema::TimestampMicros
            | Schema::TimestampNanos
            | Schema::LocalTimestampMillis
            | Schema::LocalTimestampMicros
            | Schema::LocalTimestampNanos => Skip::Long,
            Schema::Float => Skip::Fixed(4),
            Schema::Double => Skip::Fixed(8),
            Schema::Bytes | Schema::String | Schema::BigDecimal => Skip::Bytes,
            Schema::Fixed(fixed) | Schema::Duration(fixed) => Skip::Fixed(fixed.size),
            Schema::Decimal(decimal) => match &decimal.inner {
                InnerDecimalSchema::Bytes => Skip::Bytes,
                InnerDecimalSchema::Fixed(fixed) => Skip::Fixed(fixed.size),
            },
            Schema::Uuid(UuidSchema::Fixed(fixed)) => Skip::Fixed(fixed.size),
            Schema::Uuid(_) => Skip::Bytes,
            Schema::Enum(symbols) => Skip::Enum(symbols.symbols.len()),
            Schema::Array(array) => Skip::Array(self.add(&array.items, named)),
            Schema::Map(map) => Skip::Map(self.add(&map.types, named)),
            Schema::Union(union) => {
                let branches = union.variants().iter().map(|branch| self.add(branch, named));
                Skip::Union(branches.collect())
            }
        };
        self.push(shape)
    }

    fn push(&mut self, shape: Skip) -> SkipId {
        self.shapes.push(shape);
        SkipId(self.shapes.len() as u32 - 1)
    }

    /// To be called when every shape is there: those that take no bytes become nothing.
    pub(super) fn close(&mut self) {
        // A record takes no bytes when all its fields take none. Each round settles at least one record or ends.
        loop {
            let mut settled = false;
            for at in (0..self.shapes.len()).rev() {
                let empty = match &self.shapes[at] {
                    Skip::Fixed(0) => true,
                    Skip::Record(fields) => fields.iter().all(|field| self.is_nothing(*field)),
                    _ => false,
                };
                if empty {
                    self.shapes[at] = Skip::Nothing;
                    settled = true;
                }
            }
            if !settled {
                return;
            }
        }
    }

    fn is_nothing(&self, id: SkipId) -> bool {
        matches!(self.shapes[id.0 as usize], Skip::Nothing)
    }

    /// Passes over one value.
    pub(super) fn run(&self, id: SkipId, cursor: &mut Cursor<'_>) -> Result<(), Refusal> {
        self.pass(id, cursor, 0)
    }

    fn pass(&self, id: SkipId, cursor: &mut Cursor<'_>, depth: usize) -> Result<(), Refusal> {
        if depth > DEPTH_MAX {
            return Err(Refusal::Depth);
        }
        match &self.shapes[id.0 as usize] {
            Skip::Nothing => Ok(()),
            Skip::Boolean => cursor.boolean().map(drop),
            Skip::Int => cursor.int().map(drop),
            Skip::Long => cursor.long().map(drop),
            Skip::Fixed(size) => cursor.fixed(*size).map(drop),
            Skip::Bytes => cursor.bytes().map(drop),
            Skip::Enum(symbols) => cursor.index(*symbols, Refusal::Symbol).map(drop),
            Skip::Union(branches) => {
                let branch = cursor.index(branches.len(), Refusal::Union)?;
                self.pass(branches[branch], cursor, depth + 1)
            }
            Skip::Record(fields) => fields.iter().try_for_each(|field| self.pass(*field, cursor, depth + 1)),
            Skip::Array(item) => blocks(cursor, self.is_nothing(*item), |cursor| {
                self.pass(*item, cursor, depth + 1)
            }),
            Skip::Map(value) => blocks(cursor, false, |cursor| {
                cursor.bytes()?;
                self.pass(*value, cursor, depth + 1)
            }),
        }
    }
}

/// The blocks of an array or map: a count, for a negative one the block's size too, then the items; 0 ends them.
fn blocks<'a>(
    cursor: &mut Cursor<'a>,
    nothing: bool,
    item: impl Fn(&mut Cursor<'a>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    loop {
        let count = cursor.long()?;
        if count == 0 {
            return Ok(());
        }
        if count < 0 {
            cursor.bytes()?;
        } else if !nothing {
            // Every item takes a byte or more, so this also bounds the loop.
            if usize::try_from(count).map_or(true, |count| count > cursor.left()) {
                return Err(cursor.bad_length(count));
            }
            for _ in 0..count {
                item(cursor)?;
            }
        }
    }
}

#[cfg(test)]
#[path = "skip_tests.rs"]
mod tests;
