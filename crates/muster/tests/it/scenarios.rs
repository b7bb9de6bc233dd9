//! Small files with one difficulty each, held against small contracts: what is found is compared with files beside them.
//!
//! A scenario is a folder in `tests/scenarios`: a project's `schemas`, `input.csv` or `input.jsonl`, flags in `args` (one
//! a line), and in `expected` the `violations.json` and `bad.txt`, one line a bad row: row, line, rules.
//! Those with a `table` instead of an `input` are looked at by [`crate::first_contact`].
//! `MUSTER_REWRITE_SCENARIOS=1` writes the expected files anew, to be looked at before they are kept.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::program::{Ended, muster, run};
use crate::validate::found;

pub fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios")
}

fn validate(project: &Path, file: &Path, contract: &str, flags: &[String], out: &Path) -> Ended {
    let mut command = muster();
    command.arg("validate").arg(file).args(["--contract", contract]);
    command.arg("--project").arg(project).args(flags).arg("--out").arg(out);
    run(command)
}

/// What a scenario gives: `violations.json` and `bad.txt`, or how it went wrong.
fn outcome(scenario: &Path) -> Result<(String, String), String> {
    let out = tempfile::tempdir().unwrap();
    let csv = scenario.join("input.csv");
    let input = if csv.exists() {
        csv
    } else {
        scenario.join("input.jsonl")
    };
    let flags = std::fs::read_to_string(scenario.join("args")).unwrap_or_default();
    let flags: Vec<String> = flags.lines().map(str::to_owned).collect();
    let ended = validate(scenario, &input, "shop.item", &flags, out.path());
    let violations = std::fs::read_to_string(out.path().join("violations.json")).map_err(|_| ended.said.clone())?;
    let mut bad = String::new();
    for row in found(out.path()) {
        writeln!(bad, "{} {} {}", row.row, row.line, row.rules.join(",")).unwrap();
    }
    let code = i32::from(!bad.is_empty());
    if ended.status.code() != Some(code) {
        return Err(format!("exit code {:?} where {code} is due", ended.status.code()));
    }
    Ok((violations, bad))
}

#[test]
fn every_scenario_gives_what_is_expected() {
    let rewrite = std::env::var_os("MUSTER_REWRITE_SCENARIOS").is_some();
    let mut names: Vec<PathBuf> = std::fs::read_dir(scenarios())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("input.csv").exists() || path.join("input.jsonl").exists())
        .collect();
    names.sort();
    assert!(names.len() >= 16, "only {} scenarios were found", names.len());
    let mut wrong = String::new();
    for scenario in names {
        let expected = scenario.join("expected");
        let files = [expected.join("violations.json"), expected.join("bad.txt")];
        match outcome(&scenario) {
            Ok((violations, bad)) if rewrite => {
                std::fs::create_dir_all(&expected).unwrap();
                std::fs::write(&files[0], violations).unwrap();
                std::fs::write(&files[1], bad).unwrap();
            }
            Ok((violations, bad)) => {
                for (file, given) in files.iter().zip([violations, bad]) {
                    let due = std::fs::read_to_string(file).unwrap_or_else(|error| error.to_string());
                    if due != given {
                        writeln!(wrong, "{}\nexpected:\n{due}\ngiven:\n{given}", file.display()).unwrap();
                    }
                }
            }
            Err(said) => writeln!(wrong, "{}: {said}", scenario.display()).unwrap(),
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn what_cannot_be_read_is_said_with_exit_code_two() {
    let folder = tempfile::tempdir().unwrap();
    let project = scenarios().join("ragged_rows");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let good = file("good.csv", "number,name,price,count\n1,pen,1.5,3\n");
    let none = folder.path().join("none.csv");
    let cases: [(&Path, PathBuf, &str, &str); 8] = [
        (&project, file("empty.csv", ""), "shop.item", "the file is empty"),
        (
            &project,
            file("foreign.csv", "a,b\n1,2\n"),
            "shop.item",
            "names none of the contract's columns",
        ),
        (
            &project,
            file("no.parquet", "number\n"),
            "shop.item",
            "as a Parquet file",
        ),
        (
            &project,
            file("array.json", "\n [{\"number\": 1}]"),
            "shop.item",
            "it is a JSON array",
        ),
        (&project, file("no.avro", "number\n"), "shop.item", "as an Avro file"),
        (&project, good.clone(), "shop.itme", "there is no contract `shop.itme`"),
        (&project, none, "shop.item", "could not open"),
        (folder.path(), good, "shop.item", "is no project folder"),
    ];
    for (project, file, contract, words) in cases {
        let out = folder.path().join("out");
        let ended = validate(project, &file, contract, &[], &out).with_code(2);
        assert!(ended.said.contains(words), "`{words}` is not in: {}", ended.said);
        assert!(ended.output.is_empty(), "{}", ended.output);
        assert!(!out.exists(), "nothing is written where nothing was judged: {words}");
    }
}
