//! Awkward files: what is in them and what comes out.

use muster_contract::lines::{Bounds, LineReader, ROW_BYTES_MAX, Shape};
use muster_spec::TextFormat;

use super::{A, ABC, Pieces, contract, open, rows};

struct Scenario {
    name: &'static str,
    file: &'static [u8],
    rows: &'static [&'static str],
}

const fn file(name: &'static str, file: &'static [u8], rows: &'static [&'static str]) -> Scenario {
    Scenario { name, file, rows }
}

const THREE_COLUMNS: &[Scenario] = &[
    file(
        "a mark and CR LF",
        b"\xef\xbb\xbfa,b,c\r\n1,2,3\r\n4,5,6\r\n",
        &["2: 1|2|3", "3: 4|5|6"],
    ),
    file(
        "no end of the last line",
        b"a,b,c\n1,2,3\n4,5,6",
        &["2: 1|2|3", "3: 4|5|6"],
    ),
    file("a header alone", b"a,b,c\n", &[]),
    file("a header alone without an end", b"a,b,c", &[]),
    file(
        "nulls and empty texts",
        b"a,b,c\n,,\n\"\",,\"\"\n,\"\",\r\n",
        &["2: ~|~|~", "3: |~|", "4: ~||~"],
    ),
    file("blanks are text", b"a,b,c\n 1 , ,\t\n", &["2:  1 | |\t"]),
    file(
        "quoted ends, delimiters and quotes",
        b"a,b,c\n1,\"x\ny\",\"p,\"\"q\"\"\"\n\"\"\"\",\"\"\"\"\"\",\"\"\"x\"\n7,8,9\n",
        &["2: 1|x\ny|p,\"q\"", "4: \"|\"\"|\"x", "5: 7|8|9"],
    ),
    file(
        "quoted CR LF stays",
        b"a,b,c\r\n\"x\r\ny\",2,\"3\"\r\n4,5,6\r\n",
        &["2: x\r\ny|2|3", "4: 4|5|6"],
    ),
    file(
        "a quote inside a cell",
        b"a,b,c\n5\" pipe,2\",\"3\"\n",
        &["2: 5\" pipe|2\"|3"],
    ),
    file(
        "text behind a closing quote",
        b"a,b,c\n\"1\"x,\"2\"\"\"y\"z,\"\" \n",
        &["2: 1x|2\"y\"z| "],
    ),
    file(
        "text behind a closing quote and CR LF",
        b"a,b,c\r\n1,2,\"3\"x\r\n",
        &["2: 1|2|3x"],
    ),
    file("a quote at a cell's end", b"a,b,c\n1,2,\"3\"\"\"\n", &["2: 1|2|3\""]),
    file(
        "too few and too many cells",
        b"a,b,c\r\n1,2\r\n1,2,3,4\r\n7,8,9\r\n,\r\n\"x\ny\",2\r\n1,2,3,\r\n",
        &[
            "2! ragged: 1,2",
            "3! ragged: 1,2,3,4",
            "4: 7|8|9",
            "5! ragged: ,",
            "6! ragged: \\\"x\\ny\\\",2",
            "8! ragged: 1,2,3,",
        ],
    ),
    file(
        "ragged rows keep doubled quotes",
        b"a,b,c\n\"x\"\"y\",2\n",
        &["2! ragged: \\\"x\\\"\\\"y\\\",2"],
    ),
    file(
        "empty lines",
        b"\n\r\na,b,c\n\n1,2,3\n\r\n\n4,5,6\n\n\r\n\n",
        &["4! ragged: ", "5: 1|2|3", "6! ragged: ", "7! ragged: ", "8: 4|5|6"],
    ),
    file(
        "a lone CR is text",
        b"a,b,c\n1\r,\r2,3\r\r\n\r,,\n",
        &["2: 1\r|\r2|3\r", "3: \r|~|~"],
    ),
    file("a CR at the file's end", b"a,b,c\r\n1,2,3\r", &["2: 1|2|3"]),
    file(
        "nothing but a CR at the file's end",
        b"a,b,c\r\n1,2,3\r\n\r",
        &["2: 1|2|3"],
    ),
    file(
        "NUL and other control characters",
        b"a,b,c\n\0,\x01,\x7f\n",
        &["2: \0|\x01|\x7f"],
    ),
    file(
        "a quote that nothing closes",
        b"a,b,c\n1,2,3\n4,\"5,6\n7,8,9\n\"x\",\"y\",z\n",
        &["2: 1|2|3", "3! ragged: 4,\\\"5,6", "4: 7|8|9", "5: x|y|z"],
    ),
    file(
        "a quote that the next quote closes",
        b"a,b,c\n4,\"5,6\n7,8\",9\n",
        &["2: 4|5,6\n7,8|9"],
    ),
    file(
        "after a quote that nothing closes quotes end on their line",
        b"a,b,c\n\"1,2,3\n\"\"\"x\"\"\",5\",6\n7,\"8,9\n1,2,\"3",
        &[
            "2! ragged: \\\"1,2,3",
            "3: \"x\"|5\"|6",
            "4! ragged: 7,\\\"8,9",
            "5! ragged: 1,2,\\\"3",
        ],
    ),
    file(
        "an open quote is the whole last line",
        b"a,b,c\n\"",
        &["2! ragged: \\\""],
    ),
    file("other columns first", b"c,a,b\n3,1,2\n", &["2: 3|1|2"]),
    file("a quoted header", b"\"a\",\"b\",\"c\"\n1,2,3\n", &["2: 1|2|3"]),
    file(
        "bytes that are no UTF-8",
        b"a,b,c\n1,2,3\n1,\xff,3\r\n1,\xe4\n\"x\n\xc3\",2,3\n\"\"\"\xff\",2,3\n\xc3\xa4,2,3\n",
        &[
            "2: 1|2|3",
            "3! encoding: 1,\\xff,3",
            "4! encoding: 1,\\xe4",
            "5! encoding: \\\"x\\n\\xc3\\\",2,3",
            "7! encoding: \\\"\\\"\\\"\\xff\\\",2,3",
            "8: ä|2|3",
        ],
    ),
    file(
        "a mark that is not at the beginning",
        b"a,b,c\n\xef\xbb\xbf1,2,3\n",
        &["2: \u{feff}1|2|3"],
    ),
    file(
        "UTF-16 by its mark, LE",
        b"\xff\xfea\0,\0b\0,\0c\0\r\0\n\0\xe4\0,\0,\0\x0a\x22\n\0",
        &["2: ä|~|\u{220a}"],
    ),
    file(
        "UTF-16 by its mark, BE",
        b"\xfe\xff\0a\0,\0b\0,\0c\0\n\0\xe4\0,\0\"\0\"\0,\x22\x0a",
        &["2: ä||\u{220a}"],
    ),
    file(
        "UTF-16 with half a pair, and half a unit at the end",
        b"\xff\xfea\0,\0b\0,\0c\0\n\0\x00\xd8,\0,\0\n\x001\0,\0,\0\n\x002\0,\0,\0x",
        &[
            "2! encoding: \\x00\\xd8,\\x00,\\x00",
            "3: 1|~|~",
            "4! encoding: 2\\x00,\\x00,\\x00x",
        ],
    ),
];

const ONE_COLUMN: &[Scenario] = &[
    file(
        "empty lines are nulls",
        b"a\n1\n\n\r\n\"\"\n2\n\n",
        &["2: 1", "3: ~", "4: ~", "5: ", "6: 2"],
    ),
    file(
        "a delimiter is one too many",
        b"a\n1,\n,\n2\n",
        &["2! ragged: 1,", "3! ragged: ,", "4: 2"],
    ),
];

const LATIN: &[Scenario] = &[
    file(
        "every byte is a character",
        b"a;b;c\nGr\xfc\xdfe;\"\x80;\xe4\";\xff\n",
        &["2: Grüße|€;ä|ÿ"],
    ),
    file(
        "ragged bytes are the file's",
        b"a;b;c\r\n\xfc;\r\n\"\xe4\n\"\"\";\xe4\r\n",
        &["2! ragged: \\xfc;", "3! ragged: \\\"\\xe4\\n\\\"\\\"\\\";\\xe4"],
    ),
    file(
        "a mark wins over the label",
        b"\xef\xbb\xbfa;b;c\n\xc3\xa4;;\n",
        &["2: ä|~|~"],
    ),
];

const JAPANESE: &[Scenario] = &[file(
    // 0x83 0x7c is one character, though 0x7c alone is the delimiter.
    "a delimiter is no second byte",
    b"a|b|c\n\x83\x7c|2|3\n\x82\xa0|\x81\n1|2|3\n\"\x81\"|2|3\n",
    &[
        "2: ポ|2|3",
        "3! encoding: \\x82\\xa0|\\x81",
        "4: 1|2|3",
        "5! encoding: \\\"\\x81\\\"|2|3",
    ],
)];

fn check(scenarios: &[Scenario], schema: &str, format: &TextFormat) {
    let contract = contract(schema);
    for scenario in scenarios {
        let reader = open(scenario.file, &contract, format, Shape::Csv).expect(scenario.name);
        assert_eq!(rows(reader), scenario.rows, "{}", scenario.name);
        for (sizes, bounds) in [(1, 1), (2, 3), (3, 7), (7, 64), (64 << 10, 1 << 16)] {
            let pieces = Pieces::new(scenario.file, &[sizes]);
            let bounds = Bounds {
                rows: bounds,
                bytes: bounds,
            };
            let reader = LineReader::open(pieces, Shape::Csv, &contract, format, bounds).expect(scenario.name);
            assert_eq!(rows(reader), scenario.rows, "{} in pieces of {sizes}", scenario.name);
        }
    }
}

fn format(delimiter: u8, encoding: &str) -> TextFormat {
    TextFormat {
        delimiter,
        encoding: encoding.into(),
        ..TextFormat::default()
    }
}

#[test]
fn awkward_files_of_three_columns() {
    check(THREE_COLUMNS, ABC, &TextFormat::default());
}

#[test]
fn awkward_files_of_one_column() {
    check(ONE_COLUMN, A, &TextFormat::default());
}

#[test]
fn files_in_other_encodings() {
    check(LATIN, ABC, &format(b';', "latin1"));
    check(JAPANESE, ABC, &format(b'|', "shift_jis"));
}

#[test]
fn a_row_beyond_the_limit_costs_no_other_row() {
    let contract = contract(ABC);
    let long = "x".repeat(ROW_BYTES_MAX);
    let spread = "x\n".repeat(ROW_BYTES_MAX / 2);
    let fits = "x".repeat(ROW_BYTES_MAX - 4);
    let cases = [
        // One line, with and without an end.
        (
            format!("a,b,c\n1,2,3\n{long}y,2,3\n4,5,6\n"),
            format!("3! ragged: {long}"),
            2,
            Some("4: 4|5|6"),
        ),
        (format!("a,b,c\n1,2,3\n{long}y"), format!("3! ragged: {long}"), 2, None),
        // A quote that is closed too late: its first line is ragged, the others are rows.
        (
            format!("a,b,c\n1,2,3\n\"x,2\n{spread}\",2,3\n4,5,6\n"),
            "3! ragged: \\\"x,2".to_owned(),
            ROW_BYTES_MAX / 2 + 3,
            Some("524293: 4|5|6"),
        ),
        // Just within the limit.
        (
            format!("a,b,c\n1,2,3\n{fits},2,3\n4,5,6\n"),
            format!("3: {fits}|2|3"),
            2,
            Some("4: 4|5|6"),
        ),
    ];
    for (text, second, at, last) in cases {
        for bounds in [
            Bounds {
                rows: 1_000,
                bytes: 1 << 14,
            },
            Bounds {
                rows: 7,
                bytes: 4 << 20,
            },
        ] {
            let pieces = Pieces::new(text.as_bytes(), &[1 << 13, 1]);
            let reader = LineReader::open(pieces, Shape::Csv, &contract, &TextFormat::default(), bounds).unwrap();
            let rows = rows(reader);
            assert_eq!(rows[0], "2: 1|2|3");
            assert!(
                rows[1] == second,
                "{} is not {}",
                &rows[1][..40.min(rows[1].len())],
                &second[..20]
            );
            assert_eq!(rows.get(at).map(String::as_str), last);
        }
    }
}

#[test]
fn a_text_that_opens_quotes_again_and_again_is_read_in_one_pass() {
    // Each line leaves a quote open; were each searched for its end anew, this would take minutes.
    let contract = contract(ABC);
    let text = format!("a,b,c\n{}", "x\",\"y\n".repeat(400_000));
    let begun = std::time::Instant::now();
    let reader = open(text.as_bytes(), &contract, &TextFormat::default(), Shape::Csv).unwrap();
    let rows = rows(reader);
    assert_eq!(rows.len(), 400_000);
    assert!(rows.iter().all(|row| row.ends_with("! ragged: x\\\",\\\"y")));
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}
