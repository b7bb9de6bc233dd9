//! Arrow's values as the texts that are judged.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array, Int8Array,
    LargeStringArray, StringArray, StringViewArray, TimestampMillisecondArray, TimestampNanosecondArray,
    TimestampSecondArray, UInt64Array,
};
use arrow::datatypes::Int16Type;

use super::{plain, text, without_zeros};

fn texts(column: impl arrow::array::Array + 'static) -> Vec<Option<String>> {
    let column: ArrayRef = Arc::new(column);
    let texts = text(&plain(&column).unwrap()).unwrap();
    texts.iter().map(|text| text.map(str::to_owned)).collect()
}

fn some(texts: &[&str]) -> Vec<Option<String>> {
    texts.iter().map(|text| Some((*text).to_owned())).collect()
}

#[test]
fn whole_floats_have_no_point() {
    let values = [47.0, 47.5, -0.0, 1e300, 0.1];
    assert_eq!(
        texts(Float64Array::from_iter_values(values)),
        some(&["47", "47.5", "-0", "1e300", "0.1"])
    );
    assert_eq!(texts(Float32Array::from_iter_values([2.0, 0.1])), some(&["2", "0.1"]));
    let strange = texts(Float64Array::from_iter_values([
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ]));
    assert_eq!(strange, some(&["NaN", "inf", "-inf"]));
}

#[test]
fn decimals_have_no_zeros_at_their_end() {
    let column = Decimal128Array::from_iter_values([125_000, -1, 0])
        .with_precision_and_scale(10, 4)
        .unwrap();
    assert_eq!(texts(column), some(&["12.5", "-0.0001", "0"]));
    let column = Decimal128Array::from_iter_values([1_200])
        .with_precision_and_scale(10, 0)
        .unwrap();
    assert_eq!(texts(column), some(&["1200"]));
    assert_eq!(without_zeros("100"), "100");
}

#[test]
fn times_are_in_utc_with_all_their_digits() {
    let second = TimestampSecondArray::from(vec![0]);
    assert_eq!(texts(second), some(&["1970-01-01T00:00:00.000000000Z"]));
    let zoned = TimestampMillisecondArray::from(vec![-1]).with_timezone("+02:00");
    assert_eq!(texts(zoned), some(&["1969-12-31T23:59:59.999000000Z"]));
    let fine = TimestampNanosecondArray::from(vec![1]);
    assert_eq!(texts(fine), some(&["1970-01-01T00:00:00.000000001Z"]));
    assert_eq!(
        texts(Date32Array::from(vec![20_000, -1])),
        some(&["2024-10-04", "1969-12-31"])
    );
}

#[test]
fn every_width_and_encoding_gives_the_same_text() {
    assert_eq!(texts(Int8Array::from(vec![-5])), some(&["-5"]));
    assert_eq!(
        texts(UInt64Array::from(vec![u64::MAX])),
        some(&["18446744073709551615"])
    );
    assert_eq!(texts(BooleanArray::from(vec![true, false])), some(&["true", "false"]));
    let words = ["pen", "", "café"];
    assert_eq!(texts(StringArray::from_iter_values(words)), some(&words));
    assert_eq!(texts(LargeStringArray::from_iter_values(words)), some(&words));
    assert_eq!(texts(StringViewArray::from_iter_values(words)), some(&words));
    let dictionary: DictionaryArray<Int16Type> = words.iter().map(|word| Some(*word)).collect();
    assert_eq!(texts(dictionary), some(&words));
    assert_eq!(
        texts(Int8Array::from(vec![None, Some(1)])),
        [None, Some("1".to_owned())]
    );
}
