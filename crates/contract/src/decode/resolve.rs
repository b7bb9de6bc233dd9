//! Resolving a writer's schema to a contract, once a schema: Avro 1.11's "Schema Resolution", compiled to steps.
//!
//! Called by [`super::Decoder`]. Where this is wider than Avro: names of records, enums and fixed are not compared (the
//! topic says what a record is); a writer's text is parsed strictly where the contract has another type, and its enum is
//! text where the contract has text; dates and timestamps are converted between units, decimals between
//! scales where that is exact. Where it is narrower: a union's branch that does not fit is refused when it occurs,
//! never guessed.

use std::collections::HashMap;

use apache_avro::Schema;
use apache_avro::schema::{EnumSchema, RecordField, RecordSchema};
use muster_spec::{Contract, Field, TextFormat};

use super::constant::Constant;
use super::named::Named;
use super::plan::{FieldRules, NullAt, Op, Plan, Symbols};
use super::skip::Skips;

/// How many steps a plan may have: a writer whose named unions multiply is refused before it fills the memory.
const OPS_MAX: usize = 50_000;

/// Why a writer does not resolve.
#[derive(Debug)]
pub(super) struct Unfit {
    /// The contract's field, its names joined by dots.
    pub(super) field: String,
    /// What does not fit.
    pub(super) reason: String,
}

impl Unfit {
    pub(super) fn new(path: &[String], reason: impl Into<String>) -> Self {
        Self {
            field: path.join("."),
            reason: reason.into(),
        }
    }
}

/// The plan for a writer.
pub(super) fn resolve(writer: &Schema, contract: &Contract, rules: &FieldRules) -> Result<Plan, Unfit> {
    let writer_names = Named::of(writer);
    let reader_names = Named::of(&contract.schema);
    let (Schema::Record(written), Schema::Record(wanted)) = (writer, &contract.schema) else {
        return Err(Unfit::new(&[], "a record is expected"));
    };
    let all_text = is_all_text(written, contract);
    let slots = contract.fields.iter().enumerate();
    let mut resolver = Resolver {
        contract,
        writer_names,
        reader_names,
        slots: slots.map(|(slot, field)| (field.path.as_slice(), slot)).collect(),
        text_format: if all_text {
            contract.text_format.clone()
        } else {
            TextFormat::default()
        },
        plan: Plan {
            ops: Vec::new(),
            unions: Vec::new(),
            skips: Skips::default(),
            symbols: Vec::new(),
            parsers: Vec::new(),
            times: Vec::new(),
            decimals: Vec::new(),
            constants: Vec::new(),
            branch_constants: Vec::new(),
            columns_missing: false,
            rules: rules.clone(),
        },
        unions_open: 0,
    };
    if all_text {
        resolver.all_text(written)?;
    } else {
        resolver.record(written, wanted, &mut Vec::new())?;
    }
    resolver.plan.skips.close();
    Ok(resolver.plan)
}

/// Whether a schema is the one that untyped rows are written with, of this contract or of an older version of it: each
/// field is `["null", "string"]`, and at least one has a column's name.
fn is_all_text(written: &RecordSchema, contract: &Contract) -> bool {
    let text_or_null = |field: &RecordField| match &field.schema {
        Schema::Union(union) => matches!(union.variants(), [Schema::Null, Schema::String]),
        _ => false,
    };
    written.fields.iter().all(text_or_null) && written.fields.iter().any(|field| contract.field(&field.name).is_some())
}

/// What a writer's value is to become.
#[derive(Clone, Copy)]
enum Target<'c> {
    /// One column.
    Column(usize, &'c Schema),
    /// The columns of a nested record.
    Record(&'c RecordSchema),
}

pub(super) struct Resolver<'c> {
    contract: &'c Contract,
    writer_names: Named<'c>,
    reader_names: Named<'c>,
    /// The contract's fields by their paths.
    slots: HashMap<&'c [String], usize>,
    pub(super) text_format: TextFormat,
    pub(super) plan: Plan,
    /// How many unions surround what is being resolved.
    unions_open: usize,
}

impl<'c> Resolver<'c> {
    pub(super) fn field(&self, slot: usize) -> &'c Field {
        &self.contract.fields[slot]
    }

    /// Untyped text: fields are columns by their flattened names.
    fn all_text(&mut self, written: &'c RecordSchema) -> Result<(), Unfit> {
        let mut seen = vec![false; self.contract.fields.len()];
        for field in &written.fields {
            if let Some(slot) = self.contract.field(&field.name) {
                seen[slot] = true;
                self.column(&field.schema, slot, &Schema::String)?;
            } else {
                self.skip(&field.schema);
            }
        }
        for (slot, field) in self.contract.fields.iter().enumerate() {
            if seen[slot] {
                continue;
            }
            match &field.default {
                Some(default) => self.constant(slot, default)?,
                None => self.plan.columns_missing = true,
            }
        }
        Ok(())
    }

    /// A record's fields in the writer's order, then the contract's that the writer lacks.
    fn record(
        &mut self,
        written: &'c RecordSchema,
        wanted: &'c RecordSchema,
        path: &mut Vec<String>,
    ) -> Result<(), Unfit> {
        let sources: Vec<_> = wanted
            .fields
            .iter()
            .map(|field| source_of(field, written, wanted))
            .collect();
        for (at, field) in written.fields.iter().enumerate() {
            match sources.iter().position(|source| *source == Some(at)) {
                Some(target) => {
                    let target = &wanted.fields[target];
                    path.push(target.name.clone());
                    self.value(&field.schema, &target.schema, path)?;
                    path.pop();
                }
                None => self.skip(&field.schema),
            }
        }
        for (field, source) in wanted.fields.iter().zip(sources) {
            if source.is_none() {
                path.push(field.name.clone());
                self.missing(field, path)?;
                path.pop();
            }
        }
        Ok(())
    }

    /// A field that the writer lacks: its default, or for a nested record without one its fields' defaults.
    fn missing(&mut self, field: &'c RecordField, path: &mut Vec<String>) -> Result<(), Unfit> {
        if let Target::Record(record) = self.target(&field.schema, path)? {
            return match &field.default {
                None => record.fields.iter().try_for_each(|inner| {
                    path.push(inner.name.clone());
                    self.missing(inner, path)?;
                    path.pop();
                    Ok(())
                }),
                // The contract's fields carry their part of it, see `spec::schema`.
                Some(_) => self.columns_under(path).into_iter().try_for_each(|slot| {
                    let default = self.field(slot).default.as_ref();
                    let default = default.ok_or_else(|| Unfit::new(path, "its default lacks a field"))?;
                    self.constant(slot, default)
                }),
            };
        }
        let no_default = || Unfit::new(path, "the writer lacks it and it has no default");
        let default = field.default.as_ref().ok_or_else(no_default)?;
        self.constant(self.slots[path.as_slice()], default)
    }

    fn constant(&mut self, slot: usize, default: &serde_json::Value) -> Result<(), Unfit> {
        let field = self.field(slot);
        let constant =
            Constant::of(default, field).ok_or_else(|| Unfit::new(&field.path, "its default is not of its type"))?;
        let slot = slot as u16;
        if self.unions_open == 0 {
            self.plan.constants.push((slot, constant));
        } else {
            // Other branches may write the field, so it is set whenever this one is taken.
            let number = self.plan.branch_constants.len() as u32;
            self.plan.branch_constants.push(constant);
            self.push(Op::Constant { slot, number });
        }
        Ok(())
    }

    fn value(&mut self, written: &'c Schema, wanted: &'c Schema, path: &mut Vec<String>) -> Result<(), Unfit> {
        match self.target(wanted, path)? {
            Target::Column(slot, wanted) => self.column(written, slot, wanted),
            Target::Record(record) => self.nested(written, record, path),
        }
    }

    /// What the contract makes of a field: its one type beside null, references followed.
    fn target(&self, wanted: &'c Schema, path: &[String]) -> Result<Target<'c>, Unfit> {
        let wanted = match wanted {
            Schema::Union(union) => {
                let mut values = union.variants().iter().filter(|branch| !matches!(branch, Schema::Null));
                values.next().unwrap_or(wanted)
            }
            _ => wanted,
        };
        match self.reader_names.follow(wanted) {
            Schema::Record(record) => Ok(Target::Record(record)),
            wanted => {
                let slot = self.slots.get(path);
                let slot = slot.ok_or_else(|| Unfit::new(path, "the contract has no such column"))?;
                Ok(Target::Column(*slot, wanted))
            }
        }
    }

    fn column(&mut self, written: &'c Schema, slot: usize, wanted: &'c Schema) -> Result<(), Unfit> {
        let written = self.writer_names.follow(written);
        let (null, value) = match written {
            Schema::Null => {
                self.push(Op::Null { slot: slot as u16 });
                return Ok(());
            }
            Schema::Union(union) => match union.variants() {
                [Schema::Null, value] => (NullAt::First, value),
                [value, Schema::Null] => (NullAt::Second, value),
                branches => return self.union(branches, |resolver, branch| resolver.column(branch, slot, wanted)),
            },
            _ => (NullAt::Nowhere, written),
        };
        match (self.read(self.writer_names.follow(value), slot, wanted), written) {
            (Ok(read), _) => {
                let slot = slot as u16;
                self.push(Op::Value { read, slot, null });
                Ok(())
            }
            // The null still has its place; the other branch is refused when it occurs.
            (Err(_), Schema::Union(union)) => self.union(union.variants(), |resolver, branch| {
                resolver.column(branch, slot, wanted)
            }),
            (Err(reason), _) => Err(Unfit::new(&self.field(slot).path, reason)),
        }
    }

    /// A writer's value that must be a record, or null, which makes all its columns null.
    fn nested(&mut self, written: &'c Schema, record: &'c RecordSchema, path: &mut Vec<String>) -> Result<(), Unfit> {
        match self.writer_names.follow(written) {
            Schema::Record(written) => self.record(written, record, path),
            Schema::Null => {
                for slot in self.columns_under(path) {
                    self.push(Op::Null { slot: slot as u16 });
                }
                Ok(())
            }
            Schema::Union(union) => {
                let mut inner = path.clone();
                self.union(union.variants(), |resolver, branch| {
                    resolver.nested(branch, record, &mut inner)
                })
            }
            _ => Err(Unfit::new(path, "the contract has a record, the writer has none")),
        }
    }

    fn columns_under(&self, path: &[String]) -> Vec<usize> {
        let fields = self.contract.fields.iter().enumerate();
        fields
            .filter(|(_, field)| field.path.starts_with(path))
            .map(|(slot, _)| slot)
            .collect()
    }

    /// A union, each branch resolved by itself; one that does not fit becomes a refusal of the records that take it.
    fn union(
        &mut self,
        branches: &'c [Schema],
        mut resolve: impl FnMut(&mut Self, &'c Schema) -> Result<(), Unfit>,
    ) -> Result<(), Unfit> {
        let number = self.plan.unions.len();
        self.plan.unions.push(Box::default());
        self.push(Op::Union(number as u32));
        let mut starts = Vec::with_capacity(branches.len());
        let mut ends = Vec::with_capacity(branches.len());
        for branch in branches {
            let start = self.plan.ops.len();
            starts.push(start as u32);
            self.unions_open += 1;
            let fits = resolve(self, branch);
            self.unions_open -= 1;
            if self.plan.ops.len() > OPS_MAX {
                return Err(Unfit::new(&[], "the writer's unions multiply beyond the limit"));
            }
            if fits.is_err() {
                self.plan.ops.truncate(start);
                self.push(Op::Refuse);
            }
            ends.push(self.plan.ops.len());
            self.push(Op::Jump(0));
        }
        let after = self.plan.ops.len() as u32;
        for end in ends {
            self.plan.ops[end] = Op::Jump(after);
        }
        self.plan.unions[number] = starts.into();
        Ok(())
    }

    fn skip(&mut self, written: &'c Schema) {
        let id = self.plan.skips.add(written, &self.writer_names);
        self.push(Op::Skip(id));
    }

    fn push(&mut self, op: Op) {
        self.plan.ops.push(op);
    }
}

/// The writer's field that a contract's field is read from: the one of its name, or else of one of its aliases that is
/// no other field's name.
fn source_of(field: &RecordField, written: &RecordSchema, wanted: &RecordSchema) -> Option<usize> {
    let named = |name: &str| written.fields.iter().position(|field| field.name == name);
    named(&field.name).or_else(|| {
        let free = |alias: &&String| wanted.fields.iter().all(|other| other.name != **alias);
        field.aliases.iter().filter(free).find_map(|alias| named(alias))
    })
}

/// The texts of a writer's symbols in the contract's enum.
pub(super) fn symbols_of(written: &EnumSchema, wanted: &Schema) -> Symbols {
    let text = |symbol: &String| -> Option<Box<[u8]>> { Some(symbol.as_bytes().into()) };
    let placed = |symbol: &String| match wanted {
        Schema::Enum(wanted) if !wanted.symbols.contains(symbol) => wanted.default.as_ref().and_then(text),
        _ => text(symbol),
    };
    written.symbols.iter().map(placed).collect()
}
