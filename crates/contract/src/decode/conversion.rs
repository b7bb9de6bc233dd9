//! Which writer's type may stand for which field, and how it is then read.
//!
//! Used by [`super::resolve`]. The table of Avro 1.11's "Schema Resolution" for single values, with the wider cases that
//! `resolve` names. Logical types say what the bytes mean: a plain number may stand for one (its values are taken as
//! they are) and the other way round, but not one for another that means something else.

use apache_avro::Schema;
use apache_avro::schema::{InnerDecimalSchema, UuidSchema};
use muster_spec::FieldKind;

use super::decimal::Rescale;
use super::plan::{DecimalRead, Read, TimeScale};
use super::resolve::{Resolver, symbols_of};
use crate::text::Parser;

/// What a writer's type is made of.
enum Base<'s> {
    Boolean,
    Int,
    Long,
    Float,
    Double,
    /// Length and bytes.
    Bytes,
    /// Length and UTF-8.
    Text,
    Fixed(usize),
    Enum(&'s apache_avro::schema::EnumSchema),
}

/// What a writer's number means.
#[derive(Clone, Copy, PartialEq)]
enum Meaning {
    Plain,
    /// A UTC time in units of this many nanoseconds.
    Time(i64),
    /// A decimal of this scale.
    Decimal(i8),
    /// Times of day, local times, durations: never a contract's time or number but as they are written.
    Other,
}

const DAY_NANOS: i64 = 86_400_000_000_000;

impl Resolver<'_> {
    /// How the writer's type is read as the field's; what does not fit, in words, where it cannot be.
    pub(super) fn read(&mut self, written: &Schema, slot: usize, wanted: &Schema) -> Result<Read, String> {
        let field = self.field(slot);
        let kind = &field.kind;
        let unfit = || format!("the writer's {} does not become {}", word(written), kind.word());
        let (base, meaning) = base(written).ok_or_else(unfit)?;
        let plain = matches!(meaning, Meaning::Plain | Meaning::Other);
        let read = match (base, kind) {
            (Base::Boolean, FieldKind::Boolean) => Read::Boolean,
            (Base::Int, FieldKind::Int) => Read::Int,
            (Base::Int, FieldKind::Date) if meaning == Meaning::Time(DAY_NANOS) || plain => Read::Int,
            (Base::Int, FieldKind::Long) => Read::IntAsLong,
            (Base::Int, FieldKind::Float) => Read::IntAsFloat,
            (Base::Int, FieldKind::Double) => Read::IntAsDouble,
            (Base::Long, FieldKind::Long) => Read::Long,
            (Base::Long, FieldKind::Float) => Read::LongAsFloat,
            (Base::Long, FieldKind::Double) => Read::LongAsDouble,
            (Base::Int, FieldKind::TimestampMillis) => return self.time(true, meaning, 1_000_000).ok_or_else(unfit),
            (Base::Int, FieldKind::TimestampMicros) => return self.time(true, meaning, 1_000).ok_or_else(unfit),
            (Base::Long, FieldKind::TimestampMillis) => return self.time(false, meaning, 1_000_000).ok_or_else(unfit),
            (Base::Long, FieldKind::TimestampMicros) => return self.time(false, meaning, 1_000).ok_or_else(unfit),
            (Base::Float, FieldKind::Float) => Read::Float,
            (Base::Float, FieldKind::Double) => Read::FloatAsDouble,
            (Base::Double, FieldKind::Double) => Read::Double,
            (Base::Text | Base::Bytes, FieldKind::Text) if plain => Read::Text,
            (Base::Text | Base::Bytes, FieldKind::Bytes) if !is_fixed(wanted) => Read::Bytes,
            (Base::Fixed(size), FieldKind::Bytes) if fixed_size(wanted) == Some(size) => {
                Read::Fixed(u32::try_from(size).map_err(|_| unfit())?)
            }
            (Base::Bytes, FieldKind::Decimal { precision, scale }) => {
                let (precision, scale) = (*precision, *scale);
                self.decimal(None, meaning, precision, scale)
            }
            (Base::Fixed(size), FieldKind::Decimal { precision, scale }) => {
                let (precision, scale) = (*precision, *scale);
                self.decimal(Some(size), meaning, precision, scale)
            }
            (Base::Enum(symbols), FieldKind::Enum(_) | FieldKind::Text) => {
                self.plan.symbols.push(symbols_of(symbols, wanted));
                Read::Enum(number(self.plan.symbols.len()))
            }
            (Base::Text, _) if !matches!(kind, FieldKind::Bytes) => {
                let parser = Parser::new(field, &self.text_format);
                self.plan.parsers.push(parser);
                Read::Parse(number(self.plan.parsers.len()))
            }
            _ => return Err(unfit()),
        };
        Ok(read)
    }

    /// A timestamp in units of `nanos` nanoseconds.
    fn time(&mut self, int: bool, meaning: Meaning, nanos: i64) -> Option<Read> {
        let (multiply, divide) = match meaning {
            Meaning::Time(written) if written >= nanos => (written / nanos, 1),
            Meaning::Time(written) => (1, nanos / written),
            Meaning::Plain => (1, 1),
            _ => return None,
        };
        Some(match (int, multiply, divide) {
            (true, 1, 1) => Read::IntAsLong,
            (false, 1, 1) => Read::Long,
            _ => {
                self.plan.times.push(TimeScale { int, multiply, divide });
                Read::Time(number(self.plan.times.len()))
            }
        })
    }

    fn decimal(&mut self, fixed: Option<usize>, meaning: Meaning, precision: u8, scale: i8) -> Read {
        let from = match meaning {
            Meaning::Decimal(from) => from,
            _ => scale,
        };
        let rescale = Rescale {
            from,
            to: scale,
            precision,
        };
        self.plan.decimals.push(DecimalRead { fixed, rescale });
        Read::Decimal(number(self.plan.decimals.len()))
    }
}

/// The number of a list's last entry. There is at most one a step, and steps are limited below 65,536.
fn number(len: usize) -> u16 {
    (len - 1) as u16
}

fn is_fixed(wanted: &Schema) -> bool {
    fixed_size(wanted).is_some()
}

fn fixed_size(wanted: &Schema) -> Option<usize> {
    match wanted {
        Schema::Fixed(fixed) => Some(fixed.size),
        _ => None,
    }
}

fn base(written: &Schema) -> Option<(Base<'_>, Meaning)> {
    use Meaning::{Other, Plain, Time};
    Some(match written {
        Schema::Boolean => (Base::Boolean, Plain),
        Schema::Int => (Base::Int, Plain),
        Schema::Date => (Base::Int, Time(DAY_NANOS)),
        Schema::TimeMillis => (Base::Int, Other),
        Schema::Long => (Base::Long, Plain),
        Schema::TimestampMillis => (Base::Long, Time(1_000_000)),
        Schema::TimestampMicros => (Base::Long, Time(1_000)),
        Schema::TimestampNanos => (Base::Long, Time(1)),
        Schema::TimeMicros
        | Schema::LocalTimestampMillis
        | Schema::LocalTimestampMicros
        | Schema::LocalTimestampNanos => (Base::Long, Other),
        Schema::Float => (Base::Float, Plain),
        Schema::Double => (Base::Double, Plain),
        Schema::Bytes => (Base::Bytes, Plain),
        Schema::BigDecimal | Schema::Uuid(UuidSchema::Bytes) => (Base::Bytes, Other),
        Schema::String | Schema::Uuid(UuidSchema::String) => (Base::Text, Plain),
        Schema::Fixed(fixed) => (Base::Fixed(fixed.size), Plain),
        Schema::Uuid(UuidSchema::Fixed(fixed)) | Schema::Duration(fixed) => (Base::Fixed(fixed.size), Other),
        Schema::Decimal(decimal) => {
            let meaning = Meaning::Decimal(i8::try_from(decimal.scale).ok()?);
            match &decimal.inner {
                InnerDecimalSchema::Bytes => (Base::Bytes, meaning),
                InnerDecimalSchema::Fixed(fixed) => (Base::Fixed(fixed.size), meaning),
            }
        }
        Schema::Enum(symbols) => (Base::Enum(symbols), Plain),
        Schema::Null
        | Schema::Array(_)
        | Schema::Map(_)
        | Schema::Union(_)
        | Schema::Record(_)
        | Schema::Ref { .. } => {
            return None;
        }
    })
}

/// What people call a writer's type.
fn word(written: &Schema) -> &'static str {
    match written {
        Schema::Null => "null",
        Schema::Boolean => "boolean",
        Schema::Int => "int",
        Schema::Long => "long",
        Schema::Float => "float",
        Schema::Double => "double",
        Schema::Bytes => "bytes",
        Schema::String => "string",
        Schema::Array(_) => "array",
        Schema::Map(_) => "map",
        Schema::Union(_) => "union",
        Schema::Record(_) | Schema::Ref { .. } => "record",
        Schema::Enum(_) => "enum",
        Schema::Fixed(_) => "fixed",
        Schema::Decimal(_) | Schema::BigDecimal => "decimal",
        Schema::Uuid(_) => "uuid",
        Schema::Date => "date",
        Schema::TimeMillis | Schema::TimeMicros => "time of day",
        Schema::TimestampMillis => "timestamp in milliseconds",
        Schema::TimestampMicros => "timestamp in microseconds",
        Schema::TimestampNanos => "timestamp in nanoseconds",
        Schema::LocalTimestampMillis | Schema::LocalTimestampMicros | Schema::LocalTimestampNanos => "local timestamp",
        Schema::Duration(_) => "duration",
    }
}
