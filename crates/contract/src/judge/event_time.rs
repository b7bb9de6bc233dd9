//! When the fact that a row reports happened.
//!
//! Used by [`super::Judge`], and by `muster tap` to show it: the contract's event-time field, else the record's timestamp.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType};
use muster_batch::{DecodedBatch, Origin};
use muster_spec::Contract;

use super::window::NO_TIME;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Each row's event time, microseconds since 1970-01-01 UTC; `i64::MIN` where it has none.
pub fn of_rows(contract: &Contract, decoded: &DecodedBatch) -> Vec<i64> {
    let of_record = |row: usize| of_record(&decoded.origin, decoded.record_of_row[row]);
    let Some(time) = &contract.event_time else {
        return (0..decoded.rows.num_rows()).map(of_record).collect();
    };
    let column = decoded.rows.column(time.field);
    let or_record = |(row, value): (usize, Option<i64>)| value.unwrap_or_else(|| of_record(row));
    match column.data_type() {
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>().iter();
            let times = days.map(|day| day.map(|day| i64::from(day) * MICROS_PER_DAY));
            times.enumerate().map(or_record).collect()
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            let times = column.as_primitive::<TimestampMillisecondType>().iter();
            times
                .map(|time| time.map(from_millis))
                .enumerate()
                .map(or_record)
                .collect()
        }
        DataType::Timestamp(..) => {
            let times = column.as_primitive::<TimestampMicrosecondType>().iter();
            times.enumerate().map(or_record).collect()
        }
        _ => (0..column.len()).map(of_record).collect(),
    }
}

/// A record's own time, microseconds since 1970-01-01 UTC; `i64::MIN` where it has none.
#[inline]
pub fn of_record(origin: &Origin, record: u32) -> i64 {
    match origin {
        Origin::Records(records) => match records.timestamps[record as usize] {
            -1 => NO_TIME,
            millis => from_millis(millis),
        },
        Origin::Lines(_) => NO_TIME,
    }
}

fn from_millis(millis: i64) -> i64 {
    // One above i64::MIN, which would mean that there is no time.
    millis.saturating_mul(1000).max(NO_TIME + 1)
}
