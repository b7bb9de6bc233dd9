//! Rows changed field by field before they are judged again.
//!
//! Used by `muster bad repair` on records of the bad side. A new value is a text, parsed by the contract like any other,
//! or a value of the field's type. Only rows that change come out: the others have nothing to be judged again for. What
//! was before and what came after is told as text, for the sealed patch and for no log.

mod texts;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, StringBuilder, StructArray, UInt32Array,
    new_null_array,
};
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::{concat_batches, filter_record_batch, take_record_batch};
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use muster_batch::{DecodedBatch, Finding};
use muster_expr::{Assigned, RowSet};
use muster_spec::{Contract, RuleNumber, SchemaId};

use crate::Error;
use crate::decode::columns::{Column, data_type};
use crate::decode::field_rules;
use crate::text::Parser;
use texts::TextReader;

/// Changes rows of one contract.
#[derive(Debug)]
pub struct Patcher {
    contract: Arc<Contract>,
    parsers: Vec<Parser>,
    /// `FIELD.type` of each field.
    types: Vec<RuleNumber>,
    texts: TextReader,
}

/// What one field becomes, a value a row.
#[derive(Clone, Debug)]
pub struct NewValues {
    /// The field.
    pub field: usize,
    /// Texts that are parsed, or values of the field's type.
    pub values: Assigned,
    /// Rows whose field stays as it is; `None` where all are set.
    pub kept: Option<RowSet>,
}

/// Rows that changed.
#[derive(Clone, Debug)]
pub struct Patched {
    /// The rows, as if they had come so.
    pub decoded: DecodedBatch,
    /// What changed, a field each, in the order in which they were given.
    pub changes: Vec<Change>,
    /// Rows that the patch leaves as they are.
    pub unchanged: u64,
    /// Rows for which an expression has no value.
    pub failed: u64,
}

/// What became of a field.
#[derive(Clone, Debug)]
pub struct Change {
    /// The field.
    pub field: usize,
    /// What stood there, as text, for each changed row.
    pub before: StringArray,
    /// What stands there now.
    pub after: StringArray,
}

/// One field's new column.
struct Replaced {
    field: usize,
    column: ArrayRef,
    /// Rows whose new text is no value of the field's type.
    unparsed: RowSet,
    before: StringArray,
    after: StringArray,
    kept: RowSet,
    changed: RowSet,
}

impl Patcher {
    /// A patcher that knows the contract's own schema, its all-text form and listed writers.
    pub fn new(contract: Arc<Contract>) -> Result<Self, Error> {
        let fields = contract.fields.iter();
        Ok(Self {
            parsers: fields.map(|field| Parser::new(field, &contract.text_format)).collect(),
            types: field_rules(&contract)?.types,
            texts: TextReader::new(Arc::clone(&contract)),
            contract,
        })
    }

    /// Learns the schema of an id, so that texts of its records can be told.
    pub fn learn(&mut self, id: SchemaId, schema_text: &str) {
        self.texts.learn(id, schema_text);
    }

    /// What stood in each row's fields as text, with the members of [`muster_expr::assign::texts_fields`].
    pub fn texts(&self, decoded: &DecodedBatch) -> StructArray {
        self.texts.texts(decoded)
    }

    /// A value as people read it: its text as it came, else as the contract writes such values.
    pub fn told(&self, decoded: &DecodedBatch, texts: &StructArray, field: usize) -> StringArray {
        let came = texts.column(field).as_string::<i32>();
        self.displayed(decoded.rows.column(field), Some(came))
    }

    /// Values as text that the contract reads as the same values; where `texts` has one, that one.
    fn displayed(&self, values: &ArrayRef, texts: Option<&StringArray>) -> StringArray {
        if *values.data_type() == DataType::Utf8 && texts.is_none_or(|texts| texts.null_count() == texts.len()) {
            return values.as_string::<i32>().clone();
        }
        let format = &self.contract.text_format;
        let options = FormatOptions::new()
            .with_display_error(true)
            .with_date_format(format.date.as_deref())
            .with_timestamp_format(format.timestamp.as_deref())
            .with_timestamp_tz_format(format.timestamp.as_deref());
        let formatter = ArrayFormatter::try_new(values, &options).expect("every field's type can be written");
        let decimal = char::from(format.decimal);
        let is_fraction = values.data_type().is_floating() || values.data_type().is_decimal();
        let has_mark = is_fraction && decimal != '.';
        let mut told = StringBuilder::with_capacity(values.len(), 8 * values.len());
        for row in 0..values.len() {
            match texts.filter(|texts| texts.is_valid(row)) {
                Some(texts) => told.append_value(texts.value(row)),
                None if values.is_null(row) => told.append_null(),
                None if has_mark => {
                    told.append_value(formatter.value(row).to_string().replace('.', &decimal.to_string()));
                }
                None => told.append_value(formatter.value(row).to_string()),
            }
        }
        told.finish()
    }

    /// The same records, those that did not decode as rows without any value: a patch may give them all of theirs.
    pub fn with_refused(&self, decoded: DecodedBatch) -> DecodedBatch {
        let (rows, refused) = (decoded.rows.num_rows(), decoded.refused.len());
        if refused == 0 {
            return decoded;
        }
        let schema = decoded.rows.schema();
        let nulls = schema
            .fields()
            .iter()
            .map(|field| new_null_array(field.data_type(), refused));
        let nulls = RecordBatch::try_new(Arc::clone(&schema), nulls.collect()).expect("columns of one length");
        let joined = concat_batches(&schema, [&decoded.rows, &nulls]).expect("rows of one schema join");
        let mut records = decoded.record_of_row;
        records.extend(decoded.refused.iter().map(|refused| refused.record));
        let mut order: Vec<u32> = (0..(rows + refused) as u32).collect();
        order.sort_unstable_by_key(|row| records[*row as usize]);
        let mut place = vec![0; order.len()];
        for (now, before) in (0_u32..).zip(&order) {
            place[*before as usize] = now;
        }
        let moved = |found: Finding| Finding {
            row: place[found.row as usize],
            ..found
        };
        let mut findings: Vec<Finding> = decoded.findings.into_iter().map(moved).collect();
        findings.sort_unstable();
        DecodedBatch {
            record_of_row: order.iter().map(|row| records[*row as usize]).collect(),
            rows: take_record_batch(&joined, &UInt32Array::from(order)).expect("every row is there"),
            origin: decoded.origin,
            refused: Vec::new(),
            findings,
            tombstones: decoded.tombstones,
        }
    }

    /// Sets fields of rows. `texts` are the rows' own.
    pub fn apply(&self, decoded: DecodedBatch, texts: &StructArray, new: &[NewValues]) -> Patched {
        let rows = decoded.rows.num_rows();
        let replaced: Vec<Replaced> = new.iter().map(|new| self.replace(&decoded, texts, new)).collect();
        let (mut changed, mut failed) = (RowSet::empty(rows), RowSet::empty(rows));
        for replaced in &replaced {
            changed.extend(&replaced.changed);
        }
        for rows in new.iter().filter_map(|new| new.values.failed.as_ref()) {
            failed.extend(rows);
        }
        changed.subtract(&failed);
        let keep: BooleanArray = (0..rows).map(|row| Some(changed.contains(row))).collect();
        let chosen = |texts: &StringArray| {
            let kept = arrow::compute::filter(texts, &keep).expect("the filter has an entry for each row");
            kept.as_string::<i32>().clone()
        };
        let changes = replaced.iter().map(|replaced| Change {
            field: replaced.field,
            before: chosen(&replaced.before),
            after: chosen(&replaced.after),
        });
        Patched {
            changes: changes.collect(),
            unchanged: (rows - changed.count() - failed.count()) as u64,
            failed: failed.count() as u64,
            decoded: self.rebuild(decoded, &replaced, &changed, &keep),
        }
    }

    fn replace(&self, decoded: &DecodedBatch, texts: &StructArray, new: &NewValues) -> Replaced {
        let rows = decoded.rows.num_rows();
        let (field, old) = (new.field, decoded.rows.column(new.field));
        let kept = new.kept.clone().unwrap_or_else(|| RowSet::empty(rows));
        let mut was_unparsed = RowSet::empty(rows);
        let of_type = decoded.findings.iter().filter(|found| found.rule == self.types[field]);
        of_type.for_each(|found| was_unparsed.insert(found.row as usize));
        let before = self.told(decoded, texts, field);
        let mut unparsed = RowSet::empty(rows);
        let given = match new.values.values.as_string_opt::<i32>() {
            Some(texts) => self.parse(field, texts, &mut unparsed),
            None => Arc::clone(&new.values.values),
        };
        let after = self.displayed(&given, new.values.values.as_string_opt::<i32>());
        let column = mixed(old, &given, &kept);
        let differs = distinct(old, &column).expect("columns of one type compare");
        let mut changed = RowSet::empty(rows);
        for row in (0..rows).filter(|&row| !kept.contains(row)) {
            let text = |texts: &StringArray| texts.is_valid(row).then(|| texts.value(row).to_owned());
            let reparsed = match (was_unparsed.contains(row), unparsed.contains(row)) {
                (true, true) => text(&before) != text(&after),
                (was, is) => was != is,
            };
            if differs.value(row) || reparsed {
                changed.insert(row);
            }
        }
        let told = mixed(
            &(Arc::new(before.clone()) as ArrayRef),
            &(Arc::new(after) as ArrayRef),
            &kept,
        );
        Replaced {
            field,
            column,
            unparsed,
            before,
            after: told.as_string::<i32>().clone(),
            kept,
            changed,
        }
    }

    fn parse(&self, field: usize, texts: &StringArray, unparsed: &mut RowSet) -> ArrayRef {
        let kind = &self.contract.fields[field].kind;
        let mut column = Column::new(kind, texts.len());
        for (row, text) in texts.iter().enumerate() {
            let slot = text.and_then(|text| self.parsers[field].parse(text));
            if text.is_some() && slot.is_none() {
                unparsed.insert(row);
            }
            column.push(slot.unwrap_or(crate::decode::slot::Slot::Null));
        }
        column.finish(&data_type(kind))
    }

    /// The changed rows with what decoding finds wrong with them.
    fn rebuild(
        &self,
        decoded: DecodedBatch,
        replaced: &[Replaced],
        changed: &RowSet,
        keep: &BooleanArray,
    ) -> DecodedBatch {
        let mut columns = decoded.rows.columns().to_vec();
        for replaced in replaced {
            columns[replaced.field] = Arc::clone(&replaced.column);
        }
        let rows = RecordBatch::try_new(decoded.rows.schema(), columns).expect("columns keep their types");
        let mut place = vec![None; decoded.rows.num_rows()];
        (0_u32..)
            .zip(changed.iter())
            .for_each(|(now, row)| place[row] = Some(now));
        let set_again = |found: &Finding| {
            replaced
                .iter()
                .any(|replaced| self.types[replaced.field] == found.rule && !replaced.kept.contains(found.row as usize))
        };
        let mut findings: Vec<Finding> = decoded.findings.into_iter().filter(|found| !set_again(found)).collect();
        for replaced in replaced {
            let rule = self.types[replaced.field];
            findings.extend(replaced.unparsed.iter().map(|row| Finding { row: row as u32, rule }));
        }
        let moved = |found: Finding| {
            let row = place[found.row as usize]?;
            Some(Finding { row, ..found })
        };
        let mut findings: Vec<Finding> = findings.into_iter().filter_map(moved).collect();
        findings.sort_unstable();
        DecodedBatch {
            rows: filter_record_batch(&rows, keep).expect("the filter has an entry for each row"),
            record_of_row: changed.iter().map(|row| decoded.record_of_row[row]).collect(),
            origin: decoded.origin,
            refused: Vec::new(),
            findings,
            tombstones: Vec::new(),
        }
    }
}

/// The old values of the rows in `kept`, the new ones of the others.
fn mixed(old: &ArrayRef, new: &ArrayRef, kept: &RowSet) -> ArrayRef {
    if kept.is_empty() {
        return Arc::clone(new);
    }
    let keeps: BooleanArray = (0..old.len()).map(|row| Some(kept.contains(row))).collect();
    arrow::compute::kernels::zip::zip(&keeps, old, new).expect("columns of one type and length")
}

#[cfg(test)]
#[path = "patch_tests.rs"]
mod tests;
