//! Headers: columns found by name, and files that cannot be read at all.

use muster_batch::Misfit;
use muster_contract::lines::{Bounds, LineReader, Shape, columns_header};
use muster_spec::TextFormat;

use super::{ABC, contract, open};

const NAMED: &str = r#"{"type": "record", "name": "R", "fields": [
    {"name": "a", "type": "string"},
    {"name": "kpis", "type": "int", "source": "KPIs_met >80%"},
    {"name": "c", "type": "int", "default": 5}
]}"#;

/// A header, where it has the contract's columns, which are missing, which are unknown.
type Case = (
    &'static str,
    [Option<usize>; 3],
    &'static [&'static str],
    &'static [&'static str],
);

#[test]
fn columns_are_found_by_their_names_in_files_and_in_the_contract() {
    let contract = contract(NAMED);
    let cases: [Case; 5] = [
        ("a,KPIs_met >80%,c\n", [Some(0), Some(1), Some(2)], &[], &[]),
        ("c,kpis,a\n", [Some(2), Some(1), Some(0)], &[], &[]),
        ("a,kpis\n", [Some(0), Some(1), None], &["c"], &[]),
        ("A,c,x y,\n", [None, None, Some(1)], &["a", "kpis"], &["A", "x y", ""]),
        ("kpis, a\n", [None, Some(0), None], &["a", "c"], &[" a"]),
    ];
    for (file, order, missing, unknown) in cases {
        let reader = open(file.as_bytes(), &contract, &TextFormat::default(), Shape::Csv).expect(file);
        let fit = reader.fit();
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let misfit = Misfit {
            missing: names(missing),
            unknown: names(unknown),
        };
        assert_eq!(fit.order, order, "{file:?}");
        assert_eq!(fit.misfit.clone().unwrap_or_default(), misfit, "{file:?}");
        assert_eq!(reader.header().join(","), file.trim_end_matches('\n'));
    }
    let misfit = Misfit {
        missing: vec!["a".into()],
        unknown: vec!["\"x\"".into()],
    };
    assert_eq!(columns_header(&misfit), r#"{"missing":["a"],"unknown":["\"x\""]}"#);
}

#[test]
fn blanks_around_cells_and_names_are_left_out_where_the_format_says_so() {
    let three = contract(ABC);
    let cells = |trim: bool| {
        let format = TextFormat {
            trim,
            missing: vec!["NA".into()],
            ..TextFormat::default()
        };
        let file = " a,b ,c\n x ,\t2, NA \n\"  \",\" y z \",   \n\"\",4,5\r\n";
        let mut reader = LineReader::open(file.as_bytes(), Shape::Csv, &three, &format, Bounds::default())?;
        let lines = reader.next_run()?.unwrap();
        let text = |row: usize, column: usize| {
            lines
                .cell(row, column)
                .map(|text| String::from_utf8_lossy(text).into_owned())
        };
        let rows: Vec<Vec<Option<String>>> = (0..lines.len())
            .map(|row| (0..3).map(|column| text(row, column)).collect())
            .collect();
        Ok::<_, muster_contract::Error>((reader.fit().misfit.clone(), rows))
    };
    let some = |text: &str| Some(text.to_owned());
    let (misfit, rows) = cells(true).unwrap();
    assert_eq!(misfit, None);
    assert_eq!(
        rows,
        [
            vec![some("x"), some("2"), None],
            vec![None, some("y z"), None],
            vec![some(""), some("4"), some("5")]
        ]
    );
    let (misfit, rows) = cells(false).unwrap();
    assert_eq!(misfit.unwrap().unknown, [" a", "b "]);
    assert_eq!(rows[0], [some(" x "), some("\t2"), some(" NA ")]);
}

#[test]
fn files_that_cannot_be_read_say_why() {
    let three = contract(ABC);
    let format = |delimiter: u8, encoding: &str| TextFormat {
        delimiter,
        encoding: encoding.into(),
        ..TextFormat::default()
    };
    let plain = format(b',', "utf-8");
    let cases: [(&[u8], TextFormat, &str); 11] = [
        (
            b"",
            plain.clone(),
            "the file is empty: expected a header with the names of the columns",
        ),
        (b"\xef\xbb\xbf", plain.clone(), "the file is empty"),
        (b"\n\r\n\n", plain.clone(), "the file is empty"),
        (
            b"a,b,a\n",
            plain.clone(),
            "column `a` stands twice in the header: give each column a name of its own",
        ),
        (b"a,x,x\n", plain.clone(), "column `x` stands twice"),
        (
            b"a;b;c\n1;2;3\n",
            plain.clone(),
            "expected a header such as `a,b,c`, with `,` between its names",
        ),
        (
            b"1,2,3\n",
            plain.clone(),
            "the first line names none of the contract's columns",
        ),
        (b"a,\xff\n", plain.clone(), "it is not in the file's encoding"),
        (b"a,\"b\n1,2\n", plain, "nothing closes one of its quotes"),
        (b"a,b,c\n", format(b',', "latin-8000"), "unknown encoding `latin-8000`"),
        (b"a,b,c\n", format(b'"', "utf-8"), "`\"` cannot stand between cells"),
    ];
    for (file, format, message) in cases {
        let error = open(file, &three, &format, Shape::Csv).expect_err(message).to_string();
        assert!(error.contains(message), "{error}");
    }
    let both = b"kpis,KPIs_met >80%\n";
    let error = open(both, &contract(NAMED), &TextFormat::default(), Shape::Csv).expect_err("one column, two names");
    assert!(error.to_string().contains("`KPIs_met >80%` stands twice"), "{error}");
}

#[test]
fn a_file_that_breaks_off_while_it_is_read_is_an_error_and_no_row() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let input = std::io::Read::chain(&b"a,b,c\n1,2,3\n4,5"[..], Broken);
    let bounds = Bounds { rows: 1, bytes: 6 };
    let reader = LineReader::open(input, Shape::Csv, &contract(ABC), &TextFormat::default(), bounds);
    let mut reader = reader.unwrap();
    assert_eq!(reader.next_run().unwrap().map(|lines| lines.len()), Some(1));
    let error = reader.next_run().expect_err("the file breaks off");
    assert_eq!(error.to_string(), "the file cannot be read: the disk is gone");
}
