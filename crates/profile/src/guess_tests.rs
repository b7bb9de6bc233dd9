//! What a table's cells are, by tables of cells.

use muster_contract::lines::{Bounds, LineReader};
use muster_spec::TextFormat;

use super::{Guess, Guesser, Kind};

fn guess(text: &str, delimiter: u8) -> Guess {
    let format = TextFormat {
        delimiter,
        ..TextFormat::default()
    };
    let mut reader = LineReader::open_unknown(text.as_bytes(), &format, Bounds::default()).unwrap();
    let mut guesser = Guesser::new(reader.header(), true);
    while let Some(run) = reader.next_run().unwrap() {
        guesser.add(&run);
    }
    guesser.finish(format)
}

/// A table of one column, with semicolons between cells as it were.
fn column(cells: &[&str]) -> Guess {
    let rows: Vec<String> = cells.iter().map(|cell| format!("{cell};\n")).collect();
    guess(&format!("x;y\n{}", rows.concat()), b';')
}

#[test]
fn a_column_is_what_its_cells_are() {
    for (cells, kind) in [
        (&["1", "20", "-3"][..], Kind::Whole),
        (&["1", "2.5"], Kind::Number),
        (&["1e3", "2.5"], Kind::Number),
        (&["12 %", "7.5%"], Kind::Percent),
        (&["true", "FALSE"], Kind::Boolean),
        (&["2024-03-09", "1999-12-31"], Kind::Date),
        (&["09.03.2024", "31.12.1999"], Kind::Date),
        (&["3/9/2024", "12/31/1999"], Kind::Date),
        (&["2024-03-09T10:00:00Z", "2024-03-09 10:00:00"], Kind::Moment),
        (&["31.12.1999 23:59", "01.01.2000 00:00"], Kind::Moment),
        (&["2024-01-10 10:15:00+00", "2024-01-10 10:15:00.123+02"], Kind::Moment),
        (&["2024-01-10T10:15:00-0530", "2024-01-10T10:15:00Z"], Kind::Moment),
        (
            &["2024-01-10 10:15:00 +0000", "2024-01-11 10:15:00 -0130"],
            Kind::Moment,
        ),
        (&["2024-01-10 10:15:00 UTC", "2024-01-10 10:15:00.5 UTC"], Kind::Moment),
        (&["3/9/2024 1:05 PM", "12/31/1999 11:59 AM"], Kind::Moment),
        (&["45 €", "1.5\u{a0}€"], Kind::Amount("€")),
        (&["37.9 °C", "-4°C"], Kind::Amount("°C")),
        (&["12 kg", "30 lb"], Kind::Text),
        (&["12\u{a0}%", "7.5\u{202f}%"], Kind::Percent),
        (&["1\u{202f}234,50", "12,00"], Kind::Number),
        (&["1’234.50", "12.00"], Kind::Number),
        (&["€ 45", "€ 5"], Kind::Text),
        (&[" 45", " 5"], Kind::Text),
        (&["9223372036854775807", "-9223372036854775808"], Kind::Whole),
        (&["9223372036854775808", "5"], Kind::Text),
        (&["1000000000000000000000", "1.5"], Kind::Number),
        (&["00123", "00456"], Kind::Text),
        (&["yes", "no"], Kind::Text),
        (&["1,5", "2.5"], Kind::Text),
        (&["2024-13-45", "x"], Kind::Text),
        (&["", ""], Kind::Text),
    ] {
        assert_eq!(column(cells).columns[0].kind, kind, "{cells:?}");
    }
}

#[test]
fn marks_are_chosen_for_all_columns_together() {
    let marks = |cells: &[&str]| {
        let format = column(cells).format;
        (char::from(format.decimal), format.thousands.map(char::from))
    };
    assert_eq!(
        marks(&["1.234", "5.678"]),
        ('.', None),
        "the plainest of those that fit"
    );
    assert_eq!(marks(&["1,234.50", "12.00"]), ('.', Some(',')));
    assert_eq!(marks(&["1.234,50", "12,00"]), (',', Some('.')));
    assert_eq!(marks(&["1 234,50", "12,00"]), (',', Some(' ')));
    assert_eq!(marks(&["1'234.50", "12.00"]), ('.', Some('\'')));
    assert_eq!(
        marks(&["1,234", "5,678"]),
        (',', None),
        "between semicolons a comma is a decimal mark"
    );
    let between_commas = guess("x,y\n\"1,234\",1\n\"5,678\",2\n", b',');
    assert_eq!(between_commas.format.thousands, Some(b','), "between commas it is not");
    assert_eq!(marks(&["0,125", "0,5"]), (',', None), "a zero has no thousands");
}

#[test]
fn what_looks_like_numbers_and_is_kept_as_text_says_why() {
    for (cells, words) in [
        (&["00123", "00456"][..], "begin with 0"),
        (&["1000000000000000000000007", "14"], "too large to count with"),
        (&[" 1", " 2.5 "], "with blanks around them"),
        (&["€ 45", "-€3", "$1,200.00"], "with their currency before them"),
    ] {
        let notes = &column(cells).columns[0].notes;
        assert!(notes.len() == 1 && notes[0].contains(words), "{cells:?}: {notes:?}");
    }
    for cells in [&["yes", "no"][..], &[" a", " b"], &["a1", "CHF"]] {
        assert!(column(cells).columns[0].notes.is_empty(), "{cells:?}");
    }
}

#[test]
fn a_column_written_otherwise_than_the_others_says_so() {
    let rows: Vec<String> = (10..28)
        .map(|day| format!("2024-01-{day};{day}.02.2024;2024-01-{day} 10:15:00+01\n"))
        .collect();
    let found = guess(&format!("a;b;c\n{}", rows.concat()), b';');
    let kinds: Vec<Kind> = found.columns.iter().map(|column| column.kind).collect();
    assert_eq!(kinds, [Kind::Date, Kind::Text, Kind::Moment]);
    let words = "its dates are written in another way than the file's other dates";
    assert!(
        found.columns[1].notes[0].contains(words),
        "{:?}",
        found.columns[1].notes
    );
}

#[test]
fn rows_that_are_lost_leave_less_room_for_wrong_cells() {
    // Four wrong cells of a hundred are few, unless as many rows and more are lost already; where too many are lost, no
    // type is given up.
    for (lost, kind) in [(0, Kind::Whole), (3, Kind::Whole), (5, Kind::Text), (15, Kind::Whole)] {
        let rows: Vec<String> = (0..100)
            .map(|row| match row {
                row if row < 4 => "soon;1\n".to_owned(),
                row if row < 4 + lost => "7;1;1\n".to_owned(),
                _ => "7;1\n".to_owned(),
            })
            .collect();
        let found = guess(&format!("x;y\n{}", rows.concat()), b';');
        assert_eq!(found.columns[0].kind, kind, "{lost} rows are lost");
    }
    let found = guess("x;y\n1;2\n\n1;2;3\n1;2\n", b';');
    assert_eq!((found.rows, found.ragged, found.empty), (4, 2, 1));
}

#[test]
fn what_stands_for_no_value_is_found_beside_numbers_only() {
    let found = column(&["1", "NA", "?", "4", ""]);
    assert_eq!(found.columns[0].kind, Kind::Whole);
    assert_eq!(found.columns[0].missing, 3);
    assert_eq!(found.format.missing, ["NA", "?"]);
    let words = column(&["NA", "EU", "none", "EU"]);
    assert!(
        words.format.missing.is_empty(),
        "among words it may be one: {:?}",
        words.format.missing
    );
    assert_eq!(words.columns[0].missing, 0);
}

#[test]
fn a_date_that_may_be_read_two_ways_is_said_to_be() {
    let doubtful = column(&["01/02/2024", "03/04/2024"]);
    assert_eq!(doubtful.format.date.as_deref(), Some("%d/%m/%Y"));
    assert!(
        doubtful.notes[0].contains("no date tells day from month"),
        "{:?}",
        doubtful.notes
    );
    let sure = column(&["01/02/2024", "31/04/2024", "30/04/2024"].repeat(20));
    assert!(sure.notes.is_empty(), "{:?}", sure.notes);
}

#[test]
fn a_few_wrong_cells_are_bad_rows_and_many_are_text() {
    let with = |wrong: usize| {
        let cells: Vec<&str> = (0..100).map(|at| if at < wrong { "soon" } else { "7" }).collect();
        column(&cells).columns.swap_remove(0)
    };
    assert_eq!((with(4).kind, with(4).misread), (Kind::Whole, 4));
    assert_eq!((with(20).kind, with(20).misread), (Kind::Text, 0));
}

#[test]
fn the_rows_that_types_make_bad_stay_few_over_all_columns() {
    // Three columns, each with its own four wrong rows of a hundred: one of them is given back to text.
    let row = |row: usize| {
        let cell = |column: usize| if row / 4 == column { "soon" } else { "7" };
        format!("{};{};{}\n", cell(0), cell(1), cell(2))
    };
    let rows: Vec<String> = (0..100).map(row).collect();
    let found = guess(&format!("a;b;c\n{}", rows.concat()), b';');
    assert!(found.columns.iter().map(|column| column.misread).sum::<u64>() <= 5);
    assert_eq!(
        found.columns.iter().filter(|column| !column.notes.is_empty()).count(),
        2
    );
}

#[test]
fn a_wrong_guess_of_the_first_rows_is_mended_by_the_rest() {
    let mut cells = vec!["7"; 3_000];
    cells.extend(vec!["7.5"; 3_000]);
    assert_eq!(column(&cells).columns[0].kind, Kind::Number);
    cells.extend(vec!["seven"; 3_000]);
    assert_eq!(column(&cells).columns[0].kind, Kind::Text);
}

#[test]
fn repeats_are_counted_while_they_are_few() {
    let names: Vec<String> = (0..1_000).map(|at| format!("n{}", at % 998)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(column(&names).columns[0].repeats, Some(2));
    assert_eq!(column(&["a"; 1_000]).columns[0].repeats, None);
}
