//! Headers as people write them.

use super::{fields, record, table, words};

fn names(header: &[&str]) -> Vec<String> {
    fields(&header.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
}

#[test]
fn a_header_that_is_no_avro_name_gets_one_and_a_name_stays() {
    let header = [
        "enrollee_id",
        "Name",
        "Straße, Nº",
        "2nd choice",
        "KPIs_met >80%",
        "",
        "_offset",
        "日本",
    ];
    let due = [
        "enrollee_id",
        "Name",
        "strasse_n",
        "n2nd_choice",
        "kpis_met_80_percent",
        "column_6",
        "offset",
        "column_8",
    ];
    assert_eq!(names(&header), due);
}

#[test]
fn a_header_that_stands_twice_gets_two_names_and_takes_nobody_elses() {
    assert_eq!(
        names(&["score", "score", "score_2", "Score!"]),
        ["score", "score_3", "score_2", "score_4"]
    );
    assert_eq!(names(&["a b", "a_b", "a-b"]), ["a_b_2", "a_b", "a_b_3"]);
}

#[test]
fn a_name_of_any_length_has_room_in_a_message() {
    let long = "x ".repeat(500);
    assert!(names(&[&long, &long]).iter().all(|name| name.len() <= 60));
}

#[test]
fn a_files_name_becomes_a_topics_and_a_records() {
    for (stem, name, of_record) in [
        ("HR Data (2024)", "hr-data-2024", "HrData2024"),
        ("aug_train", "aug-train", "AugTrain"),
        ("2024 Löhne", "table-2024-loehne", "Table2024Loehne"),
        ("___", "table", "Table"),
    ] {
        assert_eq!((&*table(stem), &*record(&table(stem))), (name, of_record));
    }
}

#[test]
fn words_are_found_however_they_are_joined() {
    for header in ["employee_id", "employeeID", "Employee Id", "EMPLOYEE-ID"] {
        assert_eq!(words(header), ["employee", "id"], "{header}");
    }
    assert_eq!(words("paid"), ["paid"], "no id in it");
}
