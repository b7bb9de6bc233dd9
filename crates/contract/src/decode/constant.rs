//! Defaults from schemas, as values that every row without the field shares.
//!
//! Made when a writer is resolved or a header names a missing column; read through [`Constant::slot`]. Takes the JSON
//! forms of Avro 1.11, "Complex Types", "Records": bytes and fixed as text of the code points 0 to 255.

use muster_spec::{Field, FieldKind};
use serde_json::Value as Json;

use super::decimal::{self, Rescale};
use super::slot::Slot;

/// An owned value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Constant {
    /// A value without bytes of its own, null included.
    Plain(Slot<'static>),
    /// Text or bytes.
    Bytes(Box<[u8]>),
}

impl Constant {
    /// The value as a slot.
    #[inline]
    pub(crate) fn slot(&self) -> Slot<'_> {
        match self {
            Self::Plain(slot) => *slot,
            Self::Bytes(bytes) => Slot::Bytes(bytes),
        }
    }

    /// The value a default means for a field; `None` where it is not of the field's kind.
    pub(crate) fn of(default: &Json, field: &Field) -> Option<Self> {
        let plain = match (&field.kind, default) {
            (_, Json::Null) => Slot::Null,
            (FieldKind::Boolean, Json::Bool(value)) => Slot::Boolean(*value),
            (FieldKind::Int | FieldKind::Date, Json::Number(number)) => {
                Slot::Int(number.as_i64().and_then(|number| i32::try_from(number).ok())?)
            }
            (FieldKind::Long | FieldKind::TimestampMillis | FieldKind::TimestampMicros, Json::Number(number)) => {
                Slot::Long(number.as_i64()?)
            }
            (FieldKind::Float, Json::Number(number)) => Slot::Float(number.as_f64()? as f32),
            (FieldKind::Double, Json::Number(number)) => Slot::Double(number.as_f64()?),
            (FieldKind::Decimal { precision, scale }, Json::String(text)) => {
                let rescale = Rescale {
                    from: *scale,
                    to: *scale,
                    precision: *precision,
                };
                let unscaled = decimal::from_be_bytes(&bytes_of(text)?)?;
                Slot::Decimal(rescale.apply(unscaled)?)
            }
            (FieldKind::Text, Json::String(text)) => return Some(Self::Bytes(text.as_bytes().into())),
            (FieldKind::Enum(symbols), Json::String(text)) if symbols.contains(text) => {
                return Some(Self::Bytes(text.as_bytes().into()));
            }
            (FieldKind::Bytes, Json::String(text)) => return Some(Self::Bytes(bytes_of(text)?.into())),
            _ => return None,
        };
        Some(Self::Plain(plain))
    }
}

/// The bytes a schema's default spells, one a code point.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|character| u8::try_from(character).ok()).collect()
}
