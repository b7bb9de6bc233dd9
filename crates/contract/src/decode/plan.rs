//! One writer's schema resolved to a contract, as a flat list of steps: what a message holds, in the order it holds it.
//!
//! Compiled by [`super::resolve`] once a writer, run by [`super::Decoder`] once a message. A run fills every slot that
//! the writer's schema can fill or refuses the message; the other slots keep the plan's constants. It allocates nothing
//! and never fails otherwise: what does not fit a field's type becomes a null and a finding.

use muster_batch::{Finding, Refusal};
use muster_spec::RuleNumber;

use super::constant::Constant;
use super::cursor::Cursor;
use super::decimal::{self, Rescale};
use super::skip::{SkipId, Skips};
use super::slot::Slot;
use crate::text::Parser;

/// A step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    /// A value for a field, perhaps in a union of two with null.
    Value { read: Read, slot: u16, null: NullAt },
    /// The writer's null for a field.
    Null { slot: u16 },
    /// What a field is that this union's branch lacks, by [`Plan::branch_constants`].
    Constant { slot: u16, number: u32 },
    /// A value the contract does not want.
    Skip(SkipId),
    /// Any other union: its branches' first steps are [`Plan::unions`]' entry of this number.
    Union(u32),
    /// On to the step of this number.
    Jump(u32),
    /// A branch with no place in the contract.
    Refuse,
}

/// Where null stands in a union of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NullAt {
    /// There is no union.
    Nowhere,
    /// Null is branch 0.
    First,
    /// Null is branch 1.
    Second,
}

/// How a written value is read as the field's. A number refers to the plan's list of that kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Read {
    Boolean,
    Int,
    IntAsLong,
    IntAsFloat,
    IntAsDouble,
    Long,
    LongAsFloat,
    LongAsDouble,
    Float,
    FloatAsDouble,
    Double,
    Text,
    Bytes,
    /// This many bytes.
    Fixed(u32),
    /// An enum, by [`Plan::symbols`].
    Enum(u16),
    /// A text, by [`Plan::parsers`].
    Parse(u16),
    /// A date or timestamp in another unit, by [`Plan::times`].
    Time(u16),
    /// A decimal, by [`Plan::decimals`].
    Decimal(u16),
}

/// A date or timestamp in another unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeScale {
    /// The writer's is an int, else a long.
    pub(super) int: bool,
    /// The contract's units in one of the writer's; 1 where the writer's is the finer one.
    pub(super) multiply: i64,
    /// The writer's units in one of the contract's; 1 where the contract's is the finer one.
    pub(super) divide: i64,
}

/// A decimal.
#[derive(Clone, Copy, Debug)]
pub(super) struct DecimalRead {
    /// The size of a fixed; `None` for bytes.
    pub(super) fixed: Option<usize>,
    /// To the contract's scale.
    pub(super) rescale: Rescale,
}

/// The rules that decoding can find broken, looked up once a contract.
#[derive(Clone, Debug)]
pub(crate) struct FieldRules {
    /// `FIELD.type` of each field.
    pub(crate) types: Vec<RuleNumber>,
    /// What a null breaks that decoding must say: `FIELD.type` where the schema knows no null and no rule `required`
    /// is declared, which the judge would find.
    pub(crate) nulls: Vec<Option<RuleNumber>>,
}

/// The text of each of a writer's symbols in the contract; `None` where it has no place.
pub(super) type Symbols = Box<[Option<Box<[u8]>>]>;

/// A compiled writer.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) ops: Vec<Op>,
    pub(super) unions: Vec<Box<[u32]>>,
    pub(super) skips: Skips,
    pub(super) symbols: Vec<Symbols>,
    pub(super) parsers: Vec<Parser>,
    pub(super) times: Vec<TimeScale>,
    pub(super) decimals: Vec<DecimalRead>,
    /// What the fields that the writer lacks are.
    pub(super) constants: Vec<(u16, Constant)>,
    /// The same for fields that only a union's branch lacks.
    pub(super) branch_constants: Vec<Constant>,
    /// Whether a column is missing that has no default: such rows break `columns`. Only untyped text has them.
    pub(super) columns_missing: bool,
    pub(super) rules: FieldRules,
}

impl Plan {
    /// A row of slots with the constants in their places, to be used for [`Plan::run`] again and again.
    pub(super) fn row(&self) -> Vec<Slot<'_>> {
        let mut row = vec![Slot::Null; self.rules.types.len()];
        for (slot, constant) in &self.constants {
            row[usize::from(*slot)] = constant.slot();
        }
        row
    }

    /// Parses a message, its frame taken off, into a row. `findings` grows by what this row breaks. After a refusal the
    /// row and the findings hold leftovers, to be overwritten and cut off.
    #[inline]
    pub(super) fn run<'a>(
        &'a self,
        cursor: &mut Cursor<'a>,
        row: &mut [Slot<'a>],
        row_number: u32,
        findings: &mut Vec<Finding>,
    ) -> Result<(), Refusal> {
        let mut next = 0;
        while let Some(op) = self.ops.get(next) {
            next += 1;
            match *op {
                Op::Value { read, slot, null } => {
                    let slot = usize::from(slot);
                    if null != NullAt::Nowhere {
                        let branch = cursor.index(2, Refusal::Union)?;
                        if (branch == 0) == (null == NullAt::First) {
                            row[slot] = Slot::Null;
                            if let Some(rule) = self.rules.nulls[slot] {
                                findings.push(Finding { row: row_number, rule });
                            }
                            continue;
                        }
                    }
                    if !self.read(read, cursor, &mut row[slot])? {
                        row[slot] = Slot::Null;
                        let rule = self.rules.types[slot];
                        findings.push(Finding { row: row_number, rule });
                    }
                }
                Op::Null { slot } => {
                    row[usize::from(slot)] = Slot::Null;
                    if let Some(rule) = self.rules.nulls[usize::from(slot)] {
                        findings.push(Finding { row: row_number, rule });
                    }
                }
                Op::Constant { slot, number } => {
                    row[usize::from(slot)] = self.branch_constants[number as usize].slot();
                }
                Op::Skip(id) => self.skips.run(id, cursor)?,
                Op::Union(number) => {
                    let branches = &self.unions[number as usize];
                    next = branches[cursor.index(branches.len(), Refusal::Union)?] as usize;
                }
                Op::Jump(to) => next = to as usize,
                Op::Refuse => return Err(Refusal::Branch),
            }
        }
        cursor.end()
    }

    /// One value, put in its slot; false where it is whole but does not fit the field's type. Each arm writes the slot
    /// itself: a value that is handed through results is copied in pieces, which costs more than reading it.
    #[inline]
    fn read<'a>(&'a self, read: Read, cursor: &mut Cursor<'a>, slot: &mut Slot<'a>) -> Result<bool, Refusal> {
        match read {
            Read::Text => *slot = Slot::Bytes(cursor.text()?),
            Read::Int => *slot = Slot::Int(cursor.int()?),
            Read::Long => *slot = Slot::Long(cursor.long()?),
            Read::Double => *slot = Slot::Double(cursor.double()?),
            Read::Enum(number) => {
                let symbols = &self.symbols[usize::from(number)];
                let symbol = &symbols[cursor.index(symbols.len(), Refusal::Symbol)?];
                *slot = Slot::Bytes(symbol.as_deref().ok_or(Refusal::Symbol)?);
            }
            Read::Parse(number) => {
                let text = cursor.text()?;
                return Ok(self.parsers[usize::from(number)].parse_into(text, slot));
            }
            Read::Boolean => *slot = Slot::Boolean(cursor.boolean()?),
            Read::Float => *slot = Slot::Float(cursor.float()?),
            Read::Bytes => *slot = Slot::Bytes(cursor.bytes()?),
            Read::Fixed(size) => *slot = Slot::Bytes(cursor.fixed(size as usize)?),
            Read::IntAsLong => *slot = Slot::Long(i64::from(cursor.int()?)),
            Read::IntAsFloat => *slot = Slot::Float(cursor.int()? as f32),
            Read::IntAsDouble => *slot = Slot::Double(f64::from(cursor.int()?)),
            Read::LongAsFloat => *slot = Slot::Float(cursor.long()? as f32),
            Read::LongAsDouble => *slot = Slot::Double(cursor.long()? as f64),
            Read::FloatAsDouble => *slot = Slot::Double(f64::from(cursor.float()?)),
            Read::Time(number) => return Ok(put(slot, self.times[usize::from(number)].read(cursor)?)),
            Read::Decimal(number) => return Ok(put(slot, self.decimals[usize::from(number)].read(cursor)?)),
        }
        Ok(true)
    }
}

/// Puts a value in its slot, if there is one.
#[inline]
fn put<'a>(slot: &mut Slot<'a>, value: Option<Slot<'a>>) -> bool {
    let Some(value) = value else { return false };
    *slot = value;
    true
}

impl TimeScale {
    fn read<'a>(self, cursor: &mut Cursor<'a>) -> Result<Option<Slot<'a>>, Refusal> {
        let written = if self.int {
            i64::from(cursor.int()?)
        } else {
            cursor.long()?
        };
        // Finer digits than the contract's unit are cut off, as they are in text; times before 1970 too go down.
        let value = written.div_euclid(self.divide).checked_mul(self.multiply);
        Ok(value.map(Slot::Long))
    }
}

impl DecimalRead {
    fn read<'a>(self, cursor: &mut Cursor<'a>) -> Result<Option<Slot<'a>>, Refusal> {
        let bytes = match self.fixed {
            Some(size) => cursor.fixed(size)?,
            None => cursor.bytes()?,
        };
        let unscaled = decimal::from_be_bytes(bytes);
        Ok(unscaled
            .and_then(|unscaled| self.rescale.apply(unscaled))
            .map(Slot::Decimal))
    }
}
