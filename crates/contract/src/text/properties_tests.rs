//! What is printed is read back, and no text makes the parser panic.

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat, TimeZone, Utc};
use muster_spec::{FieldKind, TextFormat};
use proptest::prelude::*;

use super::tests::{european, parser, plain};
use crate::decode::slot::Slot;

fn grouped(digits: &str, mark: char) -> String {
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(mark);
        }
        grouped.push(digit);
    }
    grouped
}

proptest! {
    #[test]
    fn integers_come_back(number: i64, small: i32) {
        let text = number.to_string();
        prop_assert_eq!(plain(FieldKind::Long).parse(&text), Some(Slot::Long(number)));
        let text = small.to_string();
        prop_assert_eq!(plain(FieldKind::Int).parse(&text), Some(Slot::Int(small)));
        let sign = if number < 0 { "-" } else { "" };
        let text = format!("{sign}{}", grouped(&number.unsigned_abs().to_string(), '.'));
        prop_assert_eq!(parser(FieldKind::Long, &european()).parse(&text), Some(Slot::Long(number)));
    }

    #[test]
    fn floats_come_back(bits: u64, short in -1_000_000_000_i64..1_000_000_000, places in 0_usize..9) {
        let number = f64::from_bits(bits);
        for text in [format!("{number}"), format!("{number:e}")] {
            match plain(FieldKind::Double).parse(&text) {
                Some(Slot::Double(found)) if number.is_nan() => prop_assert!(found.is_nan()),
                found => prop_assert_eq!(found, Some(Slot::Double(number))),
            }
        }
        let text = format!("{:.places$}", short as f64 / 1000.0);
        prop_assert_eq!(plain(FieldKind::Double).parse(&text), Some(Slot::Double(text.parse().unwrap())));
        prop_assert_eq!(plain(FieldKind::Float).parse(&text), Some(Slot::Float(text.parse().unwrap())));
        let number = f32::from_bits(bits as u32);
        if number.is_finite() {
            let text = format!("{number}");
            prop_assert_eq!(plain(FieldKind::Float).parse(&text), Some(Slot::Float(number)));
        }
    }

    #[test]
    fn standard_floats_agree_with_the_language(text in "-?[0-9]{0,22}(\\.[0-9]{0,22})?(e-?[0-9]{1,3})?") {
        let ours = plain(FieldKind::Double).parse(&text);
        let theirs = text.parse::<f64>().ok().filter(|number| number.is_finite());
        prop_assert_eq!(ours, theirs.map(Slot::Double));
    }

    #[test]
    fn decimals_come_back(number in -(10_i128.pow(18))..10_i128.pow(18), scale in 0_u8..=18) {
        let unit = 10_i128.pow(u32::from(scale));
        let sign = if number < 0 { "-" } else { "" };
        let (whole, fraction) = (number.abs() / unit, number.abs() % unit);
        let width = usize::from(scale);
        let text = if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction:0width$}") };
        let kind = FieldKind::Decimal { precision: 19 + scale, scale: scale as i8 };
        prop_assert_eq!(plain(kind).parse(&text), Some(Slot::Decimal(number)));
    }

    #[test]
    fn dates_come_back(days in -719_162_i32..=2_932_896) {
        let date = NaiveDate::from_num_days_from_ce_opt(days + 719_163).unwrap();
        let text = date.to_string();
        prop_assert_eq!(plain(FieldKind::Date).parse(&text), Some(Slot::Int(days)));
        for pattern in ["%d.%m.%Y", "%Y%m%d", "%-d. %B %Y", "%A %e %b %Y", "%Y-%j", "%G-W%V-%u", "%D %Y"] {
            let format = TextFormat { date: Some(pattern.into()), ..TextFormat::default() };
            let text = date.format(pattern).to_string();
            prop_assert_eq!(parser(FieldKind::Date, &format).parse(&text), Some(Slot::Int(days)), "{} {}", pattern, date.year());
        }
    }

    #[test]
    fn timestamps_come_back(micros in -62_135_596_800_000_000_i64..253_402_214_400_000_000, offset in -86_340_i32..86_340) {
        let moment: DateTime<Utc> = Utc.timestamp_micros(micros).unwrap();
        let text = moment.to_rfc3339_opts(SecondsFormat::Micros, true);
        prop_assert_eq!(plain(FieldKind::TimestampMicros).parse(&text), Some(Slot::Long(micros)));
        let zone = chrono::FixedOffset::east_opt(offset / 60 * 60).unwrap();
        let text = moment.with_timezone(&zone).to_rfc3339_opts(SecondsFormat::Nanos, false);
        if (1..=9999).contains(&moment.with_timezone(&zone).year()) {
            prop_assert_eq!(plain(FieldKind::TimestampMicros).parse(&text), Some(Slot::Long(micros)), "{}", text);
        }
        let format = TextFormat { timestamp: Some("%d.%m.%Y %H:%M:%S%.6f".into()), ..TextFormat::default() };
        let text = moment.format("%d.%m.%Y %H:%M:%S%.6f").to_string();
        prop_assert_eq!(parser(FieldKind::TimestampMicros, &format).parse(&text), Some(Slot::Long(micros)));
    }

    #[test]
    fn no_text_panics(text: String, digits in "[-+0-9.,eE:TZ ]{0,40}") {
        for format in [TextFormat::default(), european()] {
            for kind in [
                FieldKind::Boolean, FieldKind::Int, FieldKind::Long, FieldKind::Float, FieldKind::Double, FieldKind::Text,
                FieldKind::Bytes, FieldKind::Date, FieldKind::TimestampMillis, FieldKind::TimestampMicros,
                FieldKind::Enum(vec!["a".into()]), FieldKind::Decimal { precision: 38, scale: 38 },
                FieldKind::Decimal { precision: 1, scale: 2 }, FieldKind::Decimal { precision: 3, scale: -1 },
            ] {
                let parser = parser(kind, &format);
                let _ = (parser.parse(&text), parser.parse(&digits));
            }
        }
    }
}
