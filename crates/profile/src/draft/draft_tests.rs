//! Drafts of small tables, read back.

use std::sync::Arc;

use muster_contract::judge::Judge;
use muster_contract::lines::{Bounds, LineDecoder, LineReader, Shape};
use muster_spec::{Check, Contract, Rule};

use super::{bare, draft};
use crate::{Guesser, Label, Profiler, Reading, Role, sniff};

fn reading(text: &str) -> Reading {
    let format = sniff(text.as_bytes(), true).unwrap();
    let mut reader = LineReader::open_unknown(text.as_bytes(), &format, Bounds::default()).unwrap();
    let mut guesser = Guesser::new(reader.header(), true);
    while let Some(run) = reader.next_run().unwrap() {
        guesser.add(&run);
    }
    let guess = guesser.finish(format);
    let label = Label::find(&guess, None).unwrap();
    let contract = Arc::new(bare(&guess).unwrap());
    let mut reader =
        LineReader::open(text.as_bytes(), Shape::Csv, &contract, &guess.format, Bounds::default()).unwrap();
    let decoder = LineDecoder::new(Arc::clone(&contract), &guess.format, Arc::clone(reader.fit())).unwrap();
    let mut profiler = Profiler::new(&contract, label.clone());
    while let Some(run) = reader.next_run().unwrap() {
        profiler.add(&decoder.decode(run));
    }
    Reading::new(guess, &profiler, label).unwrap()
}

fn contract(text: &str) -> Contract {
    let draft = draft(&reading(text), "table", "table.csv");
    let file = |path: &str| {
        draft
            .files
            .iter()
            .find(|file| file.path == path)
            .map(|file| file.text.clone())
    };
    let yaml = file("schemas/table.contract.yaml").unwrap();
    let open = |beside: &str| file(&format!("schemas/{beside}"));
    muster_spec::read::contract("table", "schemas/table.contract.yaml", &yaml, &open)
        .unwrap_or_else(|problems| panic!("{problems:?}\n{yaml}"))
}

/// How many rows the drawn-up contract finds bad, as `validate` would.
fn judged_bad(text: &str) -> u64 {
    let contract = Arc::new(contract(text));
    let format = &contract.text_format;
    let mut reader = LineReader::open(text.as_bytes(), Shape::Csv, &contract, format, Bounds::default()).unwrap();
    let decoder = LineDecoder::new(Arc::clone(&contract), format, Arc::clone(reader.fit())).unwrap();
    let mut judge = Judge::new(Arc::clone(&contract)).unwrap();
    let mut keys = judge.key_state().whole();
    let mut bad = 0;
    while let Some(run) = reader.next_run().unwrap() {
        bad += judge.judge(decoder.decode(run), &mut keys).bad_records.len() as u64;
    }
    bad
}

#[test]
fn what_people_put_into_headers_and_cells_does_not_break_a_file() {
    let text = "\"he said \"\"a: b\"\" # {x}\",\"line\nbreak\",'quote',left\n";
    let rows: Vec<String> = (0..40)
        .map(|row| {
            format!(
                "\"a: [{}]\",\"#{}\",it's,{}\n",
                row % 2,
                row % 3,
                u8::from(row % 4 == 0)
            )
        })
        .collect();
    let contract = contract(&format!("{text}{}", rows.concat()));
    assert_eq!(contract.fields[0].source, "he said \"a: b\" # {x}");
    assert_eq!(contract.fields[1].source, "line\nbreak");
    let levels = contract
        .rules
        .iter()
        .filter(|rule| matches!(rule.check, Check::OneOf(_)));
    assert!(levels.count() >= 2);
}

#[test]
fn whatever_signs_stand_between_digits_the_rule_for_them_is_read_and_kept_by_every_row() {
    let odd = [
        "–", "€ ", " €", "’", "\u{a0}", "\u{202f}", "°C ", "\u{2028}", "\t", "é", "\u{feff}", "½", "号", "<b", "&&",
        "--", "d",
    ];
    let marks = "!#$%&'()*+-./:;<=>?@[\\]^_`{|}~";
    let signs = odd
        .map(str::to_owned)
        .into_iter()
        .chain(marks.chars().map(String::from));
    for sign in signs {
        let rows: Vec<String> = (0..40).map(|row| format!("{row},x{row}{sign}{row}\n")).collect();
        let text = format!("id,text\n{}", rows.concat());
        let contract = contract(&text);
        let is_format = |rule: &Rule| rule.field == contract.field("text") && matches!(rule.check, Check::Matches(_));
        assert!(contract.rules.iter().any(is_format), "{sign:?}");
        assert_eq!(judged_bad(&text), 0, "{sign:?}");
    }
}

#[test]
fn every_column_has_a_role_and_stays_in_the_contract() {
    let rows: Vec<String> = (0..60)
        .map(|row| {
            format!(
                "{},{},DE,,{},{}\n",
                row + 100,
                row % 7,
                if row % 3 == 0 { "gone" } else { "here" },
                u8::from(row % 3 == 0)
            )
        })
        .collect();
    let text = format!("id,visits,country,remarks,state,left\n{}", rows.concat());
    let reading = reading(&text);
    let roles: Vec<&str> = reading.columns.iter().map(|column| column.role.word()).collect();
    assert_eq!(roles, ["key", "feature", "constant", "empty", "leak", "label"]);
    assert_eq!(contract(&text).fields.len(), 6);
    let view = draft(&reading, "table", "table.csv").files.swap_remove(2).text;
    for column in [
        "country (constant)",
        "remarks (empty)",
        "state (leak)",
        "id (key)",
        "left (label)",
    ] {
        assert!(
            view.contains(&format!("-- Left out: {column}")),
            "{column} is left out with a word: {view}"
        );
    }
}

#[test]
fn rows_that_cannot_be_good_are_counted_and_said_to_be_too_many() {
    let table = |damaged: i32, ragged: i32| {
        let rows: Vec<String> = (0..100)
            .map(|row| match row {
                row if row < damaged => format!("{row},ZÃ¼rich,1\n"),
                row if row < damaged + ragged => format!("{row},Bern,1,1\n"),
                _ => format!("{row},Bern,{}\n", row % 2),
            })
            .collect();
        let text = format!("id,city,left\n{}", rows.concat());
        let reading = reading(&text);
        assert_eq!(reading.bad, judged_bad(&text), "what is foretold comes");
        reading
    };
    let few = table(4, 3);
    assert_eq!((few.bad, few.ragged), (7, 3));
    assert!(few.notes.is_empty(), "{:?}", few.notes);
    assert!(
        few.columns[1].notes[0].contains("4 cells hold damaged"),
        "{:?}",
        few.columns[1].notes
    );
    let many = table(6, 6);
    assert_eq!(many.bad, 12);
    assert_eq!(many.notes, ["only 88 of 100 rows can be good: fewer than nine of ten"]);
    assert_eq!(many.lost(), ["6 rows with another number of cells than the header"]);
}

#[test]
fn a_text_too_long_to_be_kept_is_not_ruled_out_by_the_levels_that_were() {
    let long = "x".repeat(50_000);
    let rows: Vec<String> = (0..60)
        .map(|row| format!("{row},{}\n", if row == 5 { &long } else { "short" }))
        .collect();
    let contract = contract(&format!("id,blob\n{}", rows.concat()));
    let blob = contract.field("blob");
    let mut checks = contract.rules.iter().filter(|rule| rule.field == blob);
    assert!(!checks.any(|rule| matches!(rule.check, Check::OneOf(_))));
}

#[test]
fn a_range_has_room_for_what_comes_and_none_for_what_cannot_be() {
    let rows: Vec<String> = (0..50)
        .map(|row| {
            format!(
                "{},{},{},{}\n",
                row,
                f64::from(row) / 50.0,
                1960 + row % 40,
                -(row % 30)
            )
        })
        .collect();
    let contract = contract(&format!("n,share,born,debt\n{}", rows.concat()));
    let range = |field: &str| {
        let field = contract.field(field);
        contract.rules.iter().find_map(|rule| match rule.check {
            Check::Between(least, most) if rule.field == field => Some((least, most)),
            _ => None,
        })
    };
    assert_eq!(range("share"), Some((Some(0.0), Some(1.0))));
    assert_eq!(range("born"), Some((Some(1900.0), Some(2100.0))));
    assert_eq!(range("debt"), Some((Some(-50.0), Some(0.0))));
}

#[test]
fn a_column_called_null_or_like_what_a_time_becomes_does_not_break_a_file() {
    let rows: Vec<String> = (0..60)
        .map(|row| {
            format!(
                "{row},{},2024-01-{:02},{},{}\n",
                row % 3,
                row % 28 + 1,
                row % 5,
                u8::from(row % 4 == 0)
            )
        })
        .collect();
    let text = format!("null,true,day,day_month,left\n{}", rows.concat());
    assert_eq!(contract(&text).fields[0].name, "null");
    let view = draft(&reading(&text), "table", "table.csv").files.swap_remove(2).text;
    assert!(view.contains("AS \"day_month_\""), "{view}");
}

#[test]
fn a_role_is_a_word_each() {
    assert!(!Role::Leak.is_feature() && Role::Ordinal(Vec::new()).is_feature());
}
