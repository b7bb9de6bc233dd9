//! The named types of a schema, so that references can be followed.
//!
//! Used when a writer is resolved. The schema was read by `apache_avro`, so every name is full and every reference has
//! its definition.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::schema::{InnerDecimalSchema, Name, UuidSchema};

/// The definitions of one schema by name.
#[derive(Debug, Default)]
pub(super) struct Named<'s>(HashMap<&'s Name, &'s Schema>);

impl<'s> Named<'s> {
    /// All definitions in a schema.
    pub(super) fn of(schema: &'s Schema) -> Self {
        let mut named = Self::default();
        named.collect(schema);
        named
    }

    /// The schema itself, or what it refers to.
    pub(super) fn follow(&self, schema: &'s Schema) -> &'s Schema {
        match schema {
            Schema::Ref { name } => self.0.get(name).copied().unwrap_or(schema),
            _ => schema,
        }
    }

    fn collect(&mut self, schema: &'s Schema) {
        match schema {
            Schema::Record(record) => {
                self.0.insert(&record.name, schema);
                record.fields.iter().for_each(|field| self.collect(&field.schema));
            }
            Schema::Enum(symbols) => {
                self.0.insert(&symbols.name, schema);
            }
            Schema::Fixed(fixed) | Schema::Duration(fixed) | Schema::Uuid(UuidSchema::Fixed(fixed)) => {
                self.0.insert(&fixed.name, schema);
            }
            Schema::Decimal(decimal) => {
                if let InnerDecimalSchema::Fixed(fixed) = &decimal.inner {
                    self.0.insert(&fixed.name, schema);
                }
            }
            Schema::Array(array) => self.collect(&array.items),
            Schema::Map(map) => self.collect(&map.types),
            Schema::Union(union) => union.variants().iter().for_each(|branch| self.collect(branch)),
            _ => {}
        }
    }
}
