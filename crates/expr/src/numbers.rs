//! `between` and `one_of` on numbers and truth values: which rows of a column break them.
//!
//! Compiled by [`crate::compile`], run by [`crate::rules`]. Bounds and values are turned into the column's own type
//! once, so that the loop compares native values: first 64 at a time without a branch, and bit by bit only where one
//! of the 64 is out. A null never breaks.

use arrow::array::{Array, ArrowPrimitiveType, AsArray, PrimitiveArray};
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type};

use crate::RowSet;

/// A compiled check of one column's numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum NumberCheck {
    /// An integer (also of a decimal, unscaled) lies between the two, both included; the first above the second means
    /// that no value holds.
    Whole(i128, i128),
    /// A float lies between the two, both included; NaN lies nowhere.
    Real(f64, f64),
    /// An integer is one of these, each of the column's type.
    WholeOf(Vec<i128>),
    /// A truth value is one of these: whether false holds, whether true does.
    TruthOf(bool, bool),
}

impl NumberCheck {
    /// The rows of `column` that break the check; `None` where none does.
    ///
    /// # Panics
    /// When the column is not of the type the check was compiled for.
    pub fn broken(&self, column: &dyn Array) -> Option<RowSet> {
        match column.data_type() {
            DataType::Int32 => self.whole(column.as_primitive::<Int32Type>(), narrow_32),
            DataType::Int64 => self.whole(column.as_primitive::<Int64Type>(), narrow_64),
            DataType::Decimal128(..) => self.whole(column.as_primitive::<Decimal128Type>(), |value| value),
            DataType::Float32 => self.real_32(column.as_primitive::<Float32Type>()),
            DataType::Float64 => self.real_64(column.as_primitive::<Float64Type>()),
            DataType::Boolean => self.truth(column),
            other => unreachable!("no check of numbers is compiled for {other}"),
        }
    }

    fn whole<T>(&self, column: &PrimitiveArray<T>, narrow: fn(i128) -> T::Native) -> Option<RowSet>
    where
        T: ArrowPrimitiveType,
        T::Native: PartialOrd,
    {
        match self {
            Self::Whole(low, high) if low > high => broken_where(column, |_| true),
            Self::Whole(low, high) => {
                let (low, high) = (narrow(*low), narrow(*high));
                broken_where(column, move |value| (value < low) | (value > high))
            }
            // Compared with each, for lists are short and the comparisons go side by side.
            Self::WholeOf(values) => {
                let values: Vec<T::Native> = values.iter().map(|value| narrow(*value)).collect();
                broken_where(column, |value| {
                    values.iter().fold(true, |out, one| out & (*one != value))
                })
            }
            _ => unreachable!("a check of whole numbers is compiled for this column"),
        }
    }

    fn bounds(&self) -> (f64, f64) {
        match self {
            Self::Real(low, high) => (*low, *high),
            _ => unreachable!("a check of floats is compiled for this column"),
        }
    }

    fn real_32(&self, column: &PrimitiveArray<Float32Type>) -> Option<RowSet> {
        // A bound of 0.1 means the column's own 0.1.
        let (low, high) = self.bounds();
        let (low, high) = (low as f32, high as f32);
        broken_where(column, move |value| !((value >= low) & (value <= high)))
    }

    fn real_64(&self, column: &PrimitiveArray<Float64Type>) -> Option<RowSet> {
        let (low, high) = self.bounds();
        broken_where(column, move |value| !((value >= low) & (value <= high)))
    }

    fn truth(&self, column: &dyn Array) -> Option<RowSet> {
        let Self::TruthOf(no, yes) = self else {
            unreachable!("a check of truth values is compiled for this column")
        };
        let column = column.as_boolean();
        let holds = |row: usize| column.is_null(row) || if column.value(row) { *yes } else { *no };
        let mut broken = RowSet::empty(column.len());
        (0..column.len())
            .filter(|row| !holds(*row))
            .for_each(|row| broken.insert(row));
        (!broken.is_empty()).then_some(broken)
    }
}

/// A bound as the column's type; compile has already cut it to the type's range.
fn narrow_32(value: i128) -> i32 {
    value.clamp(i128::from(i32::MIN), i128::from(i32::MAX)) as i32
}

fn narrow_64(value: i128) -> i64 {
    value.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

/// The rows that are there and for which `breaks` says so.
#[inline]
fn broken_where<T: ArrowPrimitiveType>(
    column: &PrimitiveArray<T>,
    breaks: impl Fn(T::Native) -> bool,
) -> Option<RowSet> {
    let nulls = column.nulls().filter(|nulls| nulls.null_count() > 0);
    let mut valid = nulls.map(|nulls| nulls.inner().bit_chunks());
    let mut valid = valid.as_mut().map(|chunks| chunks.iter_padded());
    let mut broken: Option<RowSet> = None;
    for (at, values) in column.values().chunks(64).enumerate() {
        let present = valid.as_mut().map_or(!0, |words| words.next().unwrap_or(0));
        // A fold without an early end is what the compiler turns into vector instructions.
        if !values.iter().fold(false, |any, value| any | breaks(*value)) {
            continue;
        }
        let bits = values
            .iter()
            .enumerate()
            .map(|(bit, value)| u64::from(breaks(*value)) << bit);
        let word = bits.fold(0, |word, bit| word | bit) & present;
        if word != 0 {
            broken
                .get_or_insert_with(|| RowSet::empty(column.len()))
                .set_word(at, word);
        }
    }
    broken
}
