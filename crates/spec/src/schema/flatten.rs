//! An Avro schema as columns: nested records become `outer_inner`, everything that is no single value is refused.
//!
//! Called by `read::contract`. Problems are about the `.avsc` file, at the place of the field where the file's text
//! tells it. The schema itself was read by `apache_avro`, so names and references in it are sound.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::schema::{Name, RecordField, RecordSchema, UuidSchema};
use serde_json::Value as Json;

use super::{Field, FieldKind};
use crate::read::report::Report;
use crate::read::tree::{Node, Place, Plain, Value};

/// How many fields a schema may have, records included.
const COLUMNS_MAX: usize = 1_000;

/// How deep records may nest.
const DEPTH_MAX: usize = 16;

/// The columns of a record, in the schema's order, depth first. What cannot be a column is said and left out.
pub(crate) fn flatten(record: &RecordSchema, places: Option<&Node>, report: &mut Report<'_>) -> Vec<Field> {
    let mut walk = Walk {
        named: HashMap::new(),
        open: vec![record.name.clone()],
        fields: Vec::new(),
        visited: 0,
        places,
        report,
    };
    walk.record(record, &Outer::default());
    let fields = walk.fields;
    same_names(&fields, places, report);
    fields
}

/// What the records around a field say about it.
#[derive(Clone, Default)]
struct Outer {
    path: Vec<String>,
    nullable: bool,
    /// The default of the outermost record that has one, narrowed to this record.
    default: Option<Json>,
}

struct Walk<'s, 'r, 'f> {
    named: HashMap<Name, &'s Schema>,
    /// The records being walked, to refuse one that holds itself.
    open: Vec<Name>,
    fields: Vec<Field>,
    /// Fields looked at: named records that hold each other twice would else grow without bound.
    visited: usize,
    places: Option<&'r Node>,
    report: &'r mut Report<'f>,
}

impl<'s> Walk<'s, '_, '_> {
    fn record(&mut self, record: &'s RecordSchema, outer: &Outer) {
        for field in &record.fields {
            self.visited += 1;
            if self.visited == COLUMNS_MAX {
                self.report
                    .say((1, 1), format!("a contract has fewer than {COLUMNS_MAX} fields"));
            }
            if self.visited >= COLUMNS_MAX {
                return;
            }
            let mut path = outer.path.clone();
            path.push(field.name.clone());
            self.field(field, path, outer);
        }
    }

    fn field(&mut self, field: &'s RecordField, path: Vec<String>, outer: &Outer) {
        let place = place_of(self.places, &path);
        let Some((schema, null)) = self.value_of(&field.schema, &path, place) else {
            return;
        };
        let inherited = outer.default.as_ref().map(|default| match default {
            Json::Object(members) => members.get(&field.name).or(field.default.as_ref()).cloned(),
            _ => Some(Json::Null),
        });
        let default = inherited.unwrap_or_else(|| field.default.clone());
        let nullable = outer.nullable || null;
        if let Schema::Record(record) = schema {
            let inner = Outer {
                path,
                nullable,
                default,
            };
            self.nested(record, &inner, place);
            return;
        }
        let Some(kind) = self.kind(schema, &path, place) else {
            return;
        };
        let name = path.join("_");
        if name.starts_with('_') {
            let hint = "names that begin with `_` are Muster's own columns";
            self.report
                .hint(place, format!("a column cannot be named `{name}`"), hint);
        }
        let source = self.source(field, &name, place);
        let unit = self.unit(field, &name, &kind, place);
        self.fields.push(Field {
            source,
            unit,
            name,
            path,
            kind,
            nullable,
            default,
            personal: true,
        });
    }

    fn nested(&mut self, record: &'s RecordSchema, inner: &Outer, place: Place) {
        if self.open.contains(&record.name) || self.open.len() > DEPTH_MAX {
            let path = inner.path.join(".");
            self.report.say(
                place,
                format!("`{path}` holds itself or nests too deep: a contract is a table"),
            );
            return;
        }
        self.open.push(record.name.clone());
        self.record(record, inner);
        self.open.pop();
    }

    /// A field's one type that is not null, references followed, and whether null is allowed beside it.
    fn value_of(&mut self, schema: &'s Schema, path: &[String], place: Place) -> Option<(&'s Schema, bool)> {
        let Schema::Union(union) = schema else {
            return Some((self.named(schema), false));
        };
        let values = union
            .variants()
            .iter()
            .filter(|variant| !matches!(variant, Schema::Null));
        let values: Vec<&Schema> = values.collect();
        let null = values.len() < union.variants().len();
        if let [value] = values[..] {
            return Some((self.named(value), null));
        }
        let message = format!("`{}` is a union of {} types beside null", path.join("."), values.len());
        self.report.hint(
            place,
            message,
            "a contract's field has one type: give each its own nullable field",
        );
        None
    }

    fn named(&mut self, schema: &'s Schema) -> &'s Schema {
        if let Schema::Ref { name } = schema {
            return self.named.get(name).copied().unwrap_or(schema);
        }
        if let Some(name) = schema.name() {
            self.named.insert(name.clone(), schema);
        }
        schema
    }

    fn kind(&mut self, schema: &Schema, path: &[String], place: Place) -> Option<FieldKind> {
        let refused = |what: &'static str| Err((what, "a contract is a table of single values"));
        let other_time = "use `date`, `timestamp-millis` or `timestamp-micros`, which are UTC";
        let kind = match schema {
            Schema::Boolean => Ok(FieldKind::Boolean),
            Schema::Int => Ok(FieldKind::Int),
            Schema::Long => Ok(FieldKind::Long),
            Schema::Float => Ok(FieldKind::Float),
            Schema::Double => Ok(FieldKind::Double),
            Schema::Bytes | Schema::Fixed(_) => Ok(FieldKind::Bytes),
            Schema::String | Schema::Uuid(UuidSchema::String) => Ok(FieldKind::Text),
            Schema::Enum(symbols) => Ok(FieldKind::Enum(symbols.symbols.clone())),
            Schema::Date => Ok(FieldKind::Date),
            Schema::TimestampMillis => Ok(FieldKind::TimestampMillis),
            Schema::TimestampMicros => Ok(FieldKind::TimestampMicros),
            Schema::Decimal(decimal) if (1..=38).contains(&decimal.precision) => Ok(FieldKind::Decimal {
                precision: decimal.precision as u8,
                scale: decimal.scale.min(decimal.precision) as i8,
            }),
            Schema::Decimal(_) => Err(("a decimal of more than 38 digits", "use a precision of 1 to 38")),
            Schema::BigDecimal => Err(("a decimal without a scale", "use `decimal` with precision and scale")),
            Schema::Array(_) => refused("an array"),
            Schema::Map(_) => refused("a map"),
            Schema::Null => refused("always null"),
            Schema::Ref { .. } => refused("the record it stands in"),
            Schema::Record(_) | Schema::Union(_) => refused("not a single value"),
            Schema::Uuid(_) => Err(("a uuid in bytes", "a uuid is a `string` here")),
            Schema::TimeMillis | Schema::TimeMicros => Err(("a time of day", other_time)),
            Schema::TimestampNanos => Err(("a timestamp in nanoseconds", other_time)),
            Schema::LocalTimestampMillis | Schema::LocalTimestampMicros | Schema::LocalTimestampNanos => {
                Err(("a local timestamp", other_time))
            }
            Schema::Duration(_) => Err(("a duration", "use a number and name its unit")),
        };
        match kind {
            Ok(kind) => Some(kind),
            Err((what, hint)) => {
                let message = format!("`{}` is {what}, which cannot be a column", path.join("."));
                self.report.hint(place, message, hint);
                None
            }
        }
    }

    fn source(&mut self, field: &RecordField, name: &str, place: Place) -> String {
        match field.custom_attributes.get("source") {
            None => name.to_owned(),
            Some(Json::String(source)) => source.clone(),
            Some(_) => {
                self.report
                    .say(place, format!("the property `source` of `{name}` must be a text"));
                name.to_owned()
            }
        }
    }

    fn unit(&mut self, field: &RecordField, name: &str, kind: &FieldKind, place: Place) -> Option<String> {
        let unit = field.custom_attributes.get("unit")?;
        match unit {
            Json::String(unit) if kind.is_number() && unit.ends_with(|last: char| !last.is_ascii_digit()) => {
                Some(unit.clone())
            }
            _ => {
                let hint = "what text writes after each number, as `%` or `kg`";
                self.report.hint(
                    place,
                    format!("the property `unit` of `{name}` must be a text beside a number"),
                    hint,
                );
                None
            }
        }
    }
}

fn same_names(fields: &[Field], places: Option<&Node>, report: &mut Report<'_>) {
    let mut names = HashMap::new();
    for field in fields {
        if let Some(earlier) = names.insert(&field.name, &field.path) {
            let (earlier, path) = (earlier.join("."), field.path.join("."));
            let message = format!("`{earlier}` and `{path}` would both be the column `{}`", field.name);
            report.say(place_of(places, &field.path), message);
        }
    }
}

/// The place of a field in the schema's text, (0, 0) where the text does not tell.
fn place_of(root: Option<&Node>, path: &[String]) -> Place {
    let mut found = (0, 0);
    let mut record = root;
    for name in path {
        let Some(field) = record.and_then(|record| field_named(record, name)) else {
            break;
        };
        found = field.place;
        record = member(field, "type");
    }
    found
}

/// The object of the field `name` in a record's JSON, which may stand in a union or inside another `type`.
fn field_named<'n>(schema: &'n Node, name: &str) -> Option<&'n Node> {
    match &schema.value {
        Value::List(variants) => variants.iter().find_map(|variant| field_named(variant, name)),
        Value::Map(_) => match member(schema, "fields").map(|fields| &fields.value) {
            Some(Value::List(fields)) => fields
                .iter()
                .find(|field| member(field, "name").and_then(Node::plain) == Some(Plain::Text(name))),
            _ => member(schema, "type").and_then(|inner| field_named(inner, name)),
        },
        Value::Scalar { .. } => None,
    }
}

fn member<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    match &node.value {
        Value::Map(entries) => entries
            .iter()
            .find(|(found, _)| found.text == key)
            .map(|(_, node)| node),
        _ => None,
    }
}

#[cfg(test)]
#[path = "flatten_tests.rs"]
mod tests;
