//! Tables of odd texts.

use muster_spec::{Field, FieldKind, TextFormat};

use super::Parser;
use crate::decode::slot::Slot;

pub(super) fn parser(kind: FieldKind, format: &TextFormat) -> Parser {
    let field = Field {
        name: "f".into(),
        path: vec!["f".into()],
        source: "f".into(),
        unit: None,
        kind,
        nullable: true,
        default: None,
        personal: false,
    };
    Parser::new(&field, format)
}

#[test]
fn a_number_may_be_followed_by_its_unit_and_by_nothing_else() {
    let field = Field {
        name: "f".into(),
        path: vec!["f".into()],
        source: "f".into(),
        unit: Some("%".into()),
        kind: FieldKind::Double,
        nullable: true,
        default: None,
        personal: false,
    };
    let parser = Parser::new(&field, &TextFormat::default());
    for text in ["12.5%", "12.5 %", "12.5", "12.5\u{a0}%", "12.5\u{202f}%"] {
        assert!(
            matches!(parser.parse(text), Some(Slot::Double(found)) if found.to_bits() == 12.5_f64.to_bits()),
            "{text}"
        );
    }
    for text in ["12.5%%", "12.5  %", "%", "", "12.5 ", "12,5%", "12.5\u{2009}%"] {
        assert!(parser.parse(text).is_none(), "{text:?}");
    }
}

#[test]
fn thousands_may_be_parted_as_printers_part_them() {
    let format = |decimal: u8, thousands: u8| TextFormat {
        decimal,
        thousands: Some(thousands),
        ..TextFormat::default()
    };
    let french = parser(FieldKind::Double, &format(b',', b' '));
    let million = Slot::Double(1_234_567.5);
    let accepted = ["1 234 567,5", "1\u{a0}234\u{a0}567,5", "1\u{202f}234\u{202f}567,5"];
    cases(
        &french,
        &accepted.map(|text| (text, million)),
        &[
            "1\u{2009}234,5",
            "1\u{202f}23,5",
            "1234\u{a0}567,5",
            "1’234,5",
            "1\u{202f}",
        ],
    );
    let swiss = parser(FieldKind::Long, &format(b'.', b'\''));
    let accepted = ["1’234", "1'234", "1234"];
    cases(
        &swiss,
        &accepted.map(|text| (text, Slot::Long(1_234))),
        &["1‘234", "1\u{a0}234"],
    );
    let english = parser(FieldKind::Long, &format(b'.', b','));
    cases(&english, &[("1,234", Slot::Long(1_234))], &["1\u{a0}234", "1’234"]);
}

pub(super) fn plain(kind: FieldKind) -> Parser {
    parser(kind, &TextFormat::default())
}

pub(super) fn european() -> TextFormat {
    TextFormat {
        decimal: b',',
        thousands: Some(b'.'),
        date: Some("%d.%m.%Y".into()),
        timestamp: Some("%d.%m.%Y %H:%M".into()),
        ..TextFormat::default()
    }
}

fn cases(parser: &Parser, accepted: &[(&str, Slot<'_>)], refused: &[&str]) {
    for (text, slot) in accepted {
        let found = parser.parse(text);
        let same = match (found, slot) {
            (Some(Slot::Double(found)), Slot::Double(slot)) => found.to_bits() == slot.to_bits(),
            (Some(Slot::Float(found)), Slot::Float(slot)) => found.to_bits() == slot.to_bits(),
            (found, slot) => found == Some(*slot),
        };
        assert!(same, "{text:?} is {slot:?}, not {found:?}");
    }
    for text in refused {
        assert_eq!(parser.parse(text), None, "{text:?} is refused");
    }
}

const NEVER_A_NUMBER: [&str; 30] = [
    "", " ", "-", "+", ".", "-.", ",", " 5", "5 ", "\t5", "5\n", "+5", "--5", "5-", "0x1F", "1_000", "1 000", "1,000",
    "1e", "1e+", "e5", "1..2", "1.2.3", "five", "NULL", "1f", "½", "٣", "１", "5\0",
];

#[test]
fn integers_that_only_look_like_one_are_refused() {
    let long = plain(FieldKind::Long);
    let accepted = [
        ("0", 0),
        ("-0", 0),
        ("007", 7),
        ("-12", -12),
        ("9223372036854775807", i64::MAX),
        ("-9223372036854775808", i64::MIN),
        ("0000000000000000000000000000000000012", 12),
        ("00000000000000000000000000000000000000", 0),
    ];
    cases(
        &long,
        &accepted.map(|(text, number)| (text, Slot::Long(number))),
        &NEVER_A_NUMBER,
    );
    let refused = [
        "47.5",
        "47.0",
        "1e3",
        "nan",
        "inf",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551617",
        "99999999999999999999",
    ];
    cases(&long, &[], &refused);
    let accepted = [
        ("2147483647", Slot::Int(i32::MAX)),
        ("-2147483648", Slot::Int(i32::MIN)),
    ];
    cases(
        &plain(FieldKind::Int),
        &accepted,
        &["2147483648", "-2147483649", "4294967297", "47.5"],
    );
}

#[test]
fn floats_that_only_look_like_one_are_refused() {
    let double = plain(FieldKind::Double);
    let accepted = [
        ("0", 0.0),
        ("-0", -0.0),
        ("47.5", 47.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("1E-3", 0.001),
        ("1e+3", 1000.0),
        ("0.1", 0.1),
        ("9007199254740993", 9_007_199_254_740_992.0),
        ("1.7976931348623157e308", f64::MAX),
        ("5e-324", 5e-324),
        ("1e-999", 0.0),
        ("inf", f64::INFINITY),
        ("-Infinity", f64::NEG_INFINITY),
        ("INF", f64::INFINITY),
        ("nan", f64::NAN),
        ("NaN", f64::NAN),
    ];
    cases(
        &double,
        &accepted.map(|(text, number)| (text, Slot::Double(number))),
        &NEVER_A_NUMBER,
    );
    cases(
        &double,
        &[],
        &[
            "1e309",
            "-1e309",
            "1e99999999999999999999",
            "infinit",
            "nan0",
            "na",
            "+inf",
            "0x1p3",
        ],
    );
    let accepted = [
        ("0.1", 0.1_f32),
        ("16777217", 16_777_216.0),
        ("3.4028235e38", f32::MAX),
        ("1e-50", 0.0),
        ("inf", f32::INFINITY),
    ];
    let float = plain(FieldKind::Float);
    cases(
        &float,
        &accepted.map(|(text, number)| (text, Slot::Float(number))),
        &["3.5e38", "1e39", "+1"],
    );
}

#[test]
fn decimals_with_more_digits_than_the_field_are_refused() {
    let decimal = plain(FieldKind::Decimal { precision: 5, scale: 2 });
    let accepted = [
        ("1.25", 125),
        ("1", 100),
        ("-1.2", -120),
        ("0.00", 0),
        ("999.99", 99_999),
        ("000999.99", 99_999),
    ];
    cases(
        &decimal,
        &accepted.map(|(text, number)| (text, Slot::Decimal(number))),
        &NEVER_A_NUMBER,
    );
    cases(
        &decimal,
        &[],
        &["1.250", "1.255", "1000", "1000.00", "1e2", ".5", "5.", "nan", "inf"],
    );
    let whole = plain(FieldKind::Decimal {
        precision: 38,
        scale: 0,
    });
    let most = "99999999999999999999999999999999999999";
    cases(
        &whole,
        &[(most, Slot::Decimal(10_i128.pow(38) - 1))],
        &["100000000000000000000000000000000000000", "1.0"],
    );
    let fraction = plain(FieldKind::Decimal { precision: 3, scale: 3 });
    cases(
        &fraction,
        &[("0.125", Slot::Decimal(125)), ("0", Slot::Decimal(0))],
        &["1", "1.0"],
    );
}

#[test]
fn marks_between_thousands_stand_everywhere_or_nowhere() {
    let double = parser(FieldKind::Double, &european());
    let accepted = [
        ("1.234,5", 1234.5),
        ("1234,5", 1234.5),
        ("1.234.567", 1_234_567.0),
        ("-12,25", -12.25),
        ("nan", f64::NAN),
    ];
    let refused = [
        "1.23,4",
        "1234.567",
        ".123",
        "1..234",
        "1.234,5.6",
        "1,2,3",
        "12.34",
        "1.234,567.890",
        "1,234.5",
    ];
    cases(
        &double,
        &accepted.map(|(text, number)| (text, Slot::Double(number))),
        &refused,
    );
    let long = parser(FieldKind::Long, &european());
    cases(
        &long,
        &[("1.234", Slot::Long(1234)), ("-1234", Slot::Long(-1234))],
        &["1.2", "1,0", "12.3456", "1.234."],
    );
    let decimal = parser(FieldKind::Decimal { precision: 9, scale: 2 }, &european());
    cases(
        &decimal,
        &[("1.234,56", Slot::Decimal(123_456))],
        &["1,234.56", "1234.56", "1.234,567"],
    );
    let long_text = format!("1{}", ".000".repeat(40));
    assert_eq!(
        double.parse(&long_text),
        None,
        "a number with marks has a bounded length"
    );
}

#[test]
fn booleans_are_two_words() {
    let accepted = ["true", "True", "TRUE"].map(|text| (text, Slot::Boolean(true)));
    let refused = ["", "1", "0", "t", "yes", "truE ", "on", "null"];
    cases(&plain(FieldKind::Boolean), &accepted, &refused);
    cases(&plain(FieldKind::Boolean), &[("FALSE", Slot::Boolean(false))], &[]);
}

#[test]
fn texts_bytes_and_symbols_stay_as_they_are() {
    let accepted = ["", " a ", "naïve", "a\0b", "NULL"].map(|text| (text, Slot::Bytes(text.as_bytes())));
    cases(&plain(FieldKind::Text), &accepted, &[]);
    cases(&plain(FieldKind::Bytes), &accepted, &[]);
    let symbols = FieldKind::Enum(vec!["PEER".into(), "MANAGER".into()]);
    cases(
        &plain(symbols),
        &[("PEER", Slot::Bytes(b"PEER"))],
        &["", "peer", "PEER ", "PEE", "OTHER"],
    );
}

#[test]
fn dates_that_do_not_exist_are_refused() {
    let accepted = [
        ("1970-01-01", 0),
        ("1969-12-31", -1),
        ("2000-02-29", 11_016),
        ("0001-01-01", -719_162),
        ("9999-12-31", 2_932_896),
    ];
    let refused = [
        "",
        "2021-02-29",
        "1900-02-29",
        "2021-13-01",
        "2021-00-10",
        "2021-01-00",
        "2021-01-32",
        "2021-04-31",
        "0000-01-01",
        "2021-3-9",
        "21-03-09",
        "2021/03/09",
        "09.03.2021",
        "2021-03-09T00:00:00",
        " 2021-03-09",
        "2021-03-09 ",
        "+2021-03-09",
        "20210309",
        "2021-03-0a",
    ];
    cases(
        &plain(FieldKind::Date),
        &accepted.map(|(text, days)| (text, Slot::Int(days))),
        &refused,
    );
}

#[test]
fn timestamps_without_an_offset_are_in_utc() {
    let accepted = [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01 00:00:01", 1_000_000),
        ("1970-01-01t00:00:00z", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:00:00-01:00", 0),
        ("1970-01-01T00:00:00-00:00", 0),
        ("1970-01-01T00:00:00.5Z", 500_000),
        ("1970-01-01T00:00:00.123456789Z", 123_456),
        ("1969-12-31T23:59:59.999999Z", -1),
    ];
    let refused = [
        "",
        "1970-01-01",
        "1970-01-01T00:00",
        "1970-01-01T24:00:00",
        "1970-01-01T00:60:00",
        "1970-01-01T00:00:60",
        "1970-01-01T00:00:00.",
        "1970-01-01T00:00:00.1234567890",
        "1970-01-01T00:00:00+1",
        "1970-01-01T00:00:00+0100",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00 Z",
        "1970-01-01_00:00:00",
        "1970-02-30T00:00:00Z",
        "0",
        "1970-01-01T00:00:00ZZ",
        "1970-01-01T00:00:00é",
    ];
    cases(
        &plain(FieldKind::TimestampMicros),
        &accepted.map(|(text, micros)| (text, Slot::Long(micros))),
        &refused,
    );
    let accepted = [
        ("1969-12-31T23:59:59.999999Z", Slot::Long(-1)),
        ("1970-01-01T00:00:00.0019Z", Slot::Long(1)),
    ];
    cases(&plain(FieldKind::TimestampMillis), &accepted, &refused);
}

#[test]
fn patterns_are_as_strict_as_they_are_written() {
    let day = 18_695; // 2021-03-09
    let date = |pattern: &str| {
        let format = TextFormat {
            date: Some(pattern.into()),
            ..TextFormat::default()
        };
        parser(FieldKind::Date, &format)
    };
    let table: [(&str, &[&str], &[&str]); 7] = [
        (
            "%d.%m.%Y",
            &["09.03.2021"],
            &[
                "9.3.2021",
                "2021-03-09",
                " 09.03.2021",
                "09.03.2021 ",
                "09.03.21",
                "31.02.2021",
            ],
        ),
        ("%-d.%-m.%Y", &["9.3.2021", "09.03.2021"], &["009.3.2021", ".3.2021"]),
        (
            "%e %b %Y",
            &[" 9 Mar 2021", " 9 mar 2021"],
            &["9 Mar 2021", " 9  Mar 2021", " 9 Mrz 2021"],
        ),
        ("%B %d, %Y", &["March 09, 2021"], &["March 9, 2021", "March  09, 2021"]),
        ("%y%m%d", &["210309"], &["2139", "20210309"]),
        ("%Y-%j", &["2021-068"], &["2021-68", "2021-366"]),
        ("%Q nonsense", &[], &["2021-03-09", "", "%Q nonsense"]),
    ];
    for (pattern, accepted, refused) in table {
        let accepted: Vec<_> = accepted.iter().map(|text| (*text, Slot::Int(day))).collect();
        cases(&date(pattern), &accepted, refused);
    }
    let second = 1_615_291_200; // 2021-03-09T12:00:00Z
    let timestamp = |pattern: &str| {
        let format = TextFormat {
            timestamp: Some(pattern.into()),
            ..TextFormat::default()
        };
        parser(FieldKind::TimestampMicros, &format)
    };
    let table: [(&str, &[&str], &[&str]); 6] = [
        (
            "%d.%m.%Y %H:%M",
            &["09.03.2021 12:00"],
            &["09.03.2021 24:00", "09.03.2021  12:00", "09.03.2021"],
        ),
        (
            "%m/%d/%Y %I:%M %p",
            &["03/09/2021 12:00 PM"],
            &["03/09/2021 13:00 PM", "03/09/2021 12:00"],
        ),
        (
            "%Y%m%dT%H%M%S%z",
            &["20210309T120000+0000", "20210309T140000+0200"],
            &["20210309T120000", "20210309T120000 +0000"],
        ),
        (
            "%Y-%m-%d %H:%M:%S%.3f",
            &["2021-03-09 12:00:00.000"],
            &["2021-03-09 12:00:00", "2021-03-09 12:00:00.00"],
        ),
        ("%s", &["1615291200"], &["1615291200.5", "x"]),
        (
            "%Y-%m-%d %H:%M:%S",
            &["2021-03-09 12:00:00"],
            &["2021-03-09 12:00:60", "2021-03-09 12:00:00Z"],
        ),
    ];
    for (pattern, accepted, refused) in table {
        let accepted: Vec<_> = accepted
            .iter()
            .map(|text| (*text, Slot::Long(second * 1_000_000)))
            .collect();
        cases(&timestamp(pattern), &accepted, refused);
    }
    let midnight = Slot::Long(i64::from(day) * 86_400_000_000);
    cases(
        &timestamp("%d.%m.%Y"),
        &[("09.03.2021", midnight)],
        &["09.03.2021 12:00"],
    );
}
