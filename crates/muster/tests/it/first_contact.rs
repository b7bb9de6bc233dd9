//! From a file that nobody described to a model, without a hand edit: `init`, `check`, `demo`.
//!
//! A table is a folder in `tests/scenarios` with a `table.csv`, `table.tsv` or `table.parquet`, named for what is awkward
//! about it, and in `expected` the files that `init` draws up for it. `MUSTER_REWRITE_SCENARIOS=1` writes those anew.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use muster_sandbox::kafka::broker_for_tests;
use muster_sandbox::postgres::fresh_database;
use serde_json::Value;

use crate::program::{Ended, muster, run};
use crate::scenarios::scenarios;
use crate::validate_memory::{GROWTH_KIB_MAX, watch};
use crate::world::without;

/// How much smaller than with LightGBM's defaults an area under the curve may be by chance: a table has 200 rows.
const CHANCE: f64 = 0.01;

pub fn command(project: &Path, arguments: &[&str]) -> Command {
    let mut command = muster();
    command.args(arguments).arg("--project").arg(project);
    command.args(["--format", "json"]);
    command
}

pub fn init(project: &Path, file: &Path, arguments: &[&str]) -> Ended {
    let mut command = command(project, &["init"]);
    command.arg("--from").arg(file).args(arguments);
    run(command)
}

/// The table of each scenario that has one.
fn tables() -> Vec<PathBuf> {
    let folders = std::fs::read_dir(scenarios())
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let table = |folder: PathBuf| {
        let files = ["csv", "tsv", "parquet"].map(|ending| folder.join("table").with_extension(ending));
        files.into_iter().find(|file| file.exists())
    };
    let mut tables: Vec<PathBuf> = folders.filter_map(table).collect();
    tables.sort();
    tables
}

/// A command on the project with a ledger of its own, which must end well.
fn on(database: &str, project: &Path, arguments: &[&str]) -> Result<Value, String> {
    let mut command = command(project, arguments);
    command.args(["--database-url", database]);
    ended_well(run(command))
}

fn ended_well(ended: Ended) -> Result<Value, String> {
    if ended.status.code() == Some(0) {
        Ok(serde_json::from_str(&ended.output).unwrap_or_default())
    } else {
        Err(format!("{}\n{}", ended.said, ended.output))
    }
}

/// The files that were drawn up, one after the other.
fn drawn_up(project: &Path) -> String {
    let mut all = String::new();
    for path in [
        "schemas/table.contract.yaml",
        "schemas/table.avsc",
        "pipelines/table.sql",
        "pipelines/table.yaml",
    ] {
        let text = std::fs::read_to_string(project.join(path)).unwrap_or_else(|_| "not there\n".to_owned());
        write!(all, "==> {path}\n{text}").unwrap();
    }
    all
}

/// How good the pipeline's model is out of fold: the area under the curve and the log loss.
fn trained(database: &str, project: &Path) -> Result<[f64; 2], String> {
    let shown = on(database, project, &["train", "table", "--fold-seeds", "10"])?;
    let measured = &shown["metrics"]["out_of_fold"];
    let number = |value: &Value| value.as_f64().ok_or_else(|| shown.to_string());
    Ok([
        number(&measured["auc_mean"])?,
        number(&measured["measures"]["log_loss"])?,
    ])
}

/// Leaves LightGBM at its own defaults.
fn without_parameters(project: &Path) {
    let path = project.join("pipelines/table.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("  params:").unwrap();
    let (_, after) = rest.split_once("bands:").unwrap();
    std::fs::write(path, format!("{before}bands:{after}")).unwrap();
}

/// Holds the model against one with LightGBM's defaults, on the same folds.
fn no_worse_than_defaults(database: &str, project: &Path, chance: f64) -> Result<(), String> {
    let [auc, log_loss] = trained(database, project)?;
    without_parameters(project);
    let [auc_of_defaults, log_loss_of_defaults] = trained(database, project)?;
    if auc >= auc_of_defaults - chance && log_loss <= log_loss_of_defaults {
        return Ok(());
    }
    Err(format!(
        "AUC {auc} and log loss {log_loss}, by defaults {auc_of_defaults} and {log_loss_of_defaults}"
    ))
}

/// At least nine rows of ten are good, and each of those is scored.
fn nine_of_ten_are_good(shown: &Value) -> Result<(), String> {
    let rows = shown["reconcile"].as_array().ok_or("no account")?;
    let sum = |column: &str| rows.iter().filter_map(|row| row[column].as_u64()).sum::<u64>();
    let (received, good) = (sum("received"), sum("good"));
    if received > 0 && good * 10 >= received * 9 && shown["predictions"]["count"] == good {
        return Ok(());
    }
    Err(format!("{good} of {received} rows are good: {shown}"))
}

/// A table on its way; what went wrong.
fn outcome(table: &Path) -> Result<(), String> {
    let rewrite = std::env::var_os("MUSTER_REWRITE_SCENARIOS").is_some();
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    ended_well(init(project, table, &[]))?;
    let expected = table.with_file_name("expected").join("drawn_up.txt");
    let given = drawn_up(project);
    if rewrite {
        std::fs::create_dir_all(expected.parent().unwrap()).unwrap();
        std::fs::write(&expected, &given).unwrap();
    }
    let due = std::fs::read_to_string(&expected).unwrap_or_default();
    if due != given {
        return Err(format!("expected:\n{due}\ngiven:\n{given}"));
    }
    ended_well(run(command(project, &["check"])))?;
    let database = fresh_database("first_contact").unwrap();
    on(&database, project, &["migrate"])?;
    nine_of_ten_are_good(&on(&database, project, &["demo", "--once"])?)?;
    no_worse_than_defaults(&database, project, CHANCE)
}

#[test]
fn an_awkward_table_becomes_a_project_that_runs_without_a_hand_edit() {
    let tables = tables();
    assert!(tables.len() >= 12, "only {} tables were found", tables.len());
    let next = Mutex::new(tables.iter());
    let wrong = Mutex::new(String::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(table) = next.lock().unwrap().next() else {
                        return;
                    };
                    if let Err(why) = outcome(table) {
                        writeln!(wrong.lock().unwrap(), "{}: {why}", table.display()).unwrap();
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_drawn_up_project_runs_on_a_real_kafka_as_on_the_demos_own() {
    let Some(brokers) = broker_for_tests() else {
        return;
    };
    let awkward = [
        "blanks_after_every_comma/table.csv",
        "headers_with_spaces_and_accents/table.csv",
        "parquet_with_types_of_its_own/table.parquet",
        "semicolons_and_decimal_commas/table.csv",
    ];
    for (at, table) in awkward.iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let (project, name) = (folder.path(), format!("drawn-up-{}-{at}", std::process::id()));
        init(project, &scenarios().join(table), &["--name", &name]).with_code(0);
        let database = fresh_database("first_contact").unwrap();
        on(&database, project, &["migrate"]).unwrap();
        let run = on(&database, project, &["demo", "--once", "--brokers", &brokers]);
        nine_of_ten_are_good(&run.unwrap()).unwrap_or_else(|why| panic!("{table}: {why}"));
    }
}

/// A larger table, whose model must not be worse by chance either.
fn learns_as_well(file: &Path, name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    init(project, file, &["--name", "table"]).with_code(0);
    let database = fresh_database("first_contact").unwrap();
    on(&database, project, &["migrate"]).unwrap();
    nine_of_ten_are_good(&on(&database, project, &["demo", "--once"]).unwrap()).unwrap();
    no_worse_than_defaults(&database, project, 0.0).unwrap_or_else(|why| panic!("{name}: {why}"));
}

#[test]
fn the_public_file_and_generated_candidates_are_learned_no_worse_than_by_lightgbms_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let mut generate = muster();
    generate.args([
        "generate",
        "hr.candidate",
        "--rows",
        "4000",
        "--faults",
        "0.02",
        "--out",
    ]);
    generate.arg(folder.path());
    run(generate).with_code(0);
    learns_as_well(&folder.path().join("hr.candidate.csv"), "generated candidates");
    match std::env::var_os("MUSTER_JOB_CHANGE_CSV").filter(|named| !named.is_empty()) {
        Some(file) => learns_as_well(Path::new(&file), "the public file"),
        None => without("the job-change file: MUSTER_JOB_CHANGE_CSV does not name it"),
    }
}

#[test]
fn a_project_that_is_there_is_not_written_over_and_a_broken_file_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path().join("people");
    let table = scenarios().join("label_says_yes_or_no/table.csv");
    init(&project, &table, &[]).with_code(0);
    let kept = project.join("schemas/table.contract.yaml");
    std::fs::write(&kept, "mine").unwrap();
    std::fs::remove_file(project.join("pipelines/table.yaml")).unwrap();
    let ended = init(&project, &table, &[]).with_code(2);
    assert!(
        ended.said.contains("is there already, and nothing is overwritten"),
        "{}",
        ended.said
    );
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "mine");
    assert!(
        !project.join("pipelines/table.yaml").exists(),
        "nothing is written beside what is there"
    );
    // Only one of the files is there, and not the first that would be written.
    let beside = folder.path().join("beside");
    std::fs::create_dir_all(beside.join("pipelines")).unwrap();
    std::fs::write(beside.join("pipelines/table.sql"), "mine").unwrap();
    init(&beside, &table, &[]).with_code(2);
    assert!(!beside.join("schemas").exists(), "nothing was written");
    // Another name has room beside it.
    init(&project, &table, &["--name", "leavers"]).with_code(0);
    assert!(project.join("pipelines/leavers.yaml").exists());

    let cases: [(&str, &[u8], &[&str], &str); 15] = [
        ("empty.csv", b"", &[], "no row below its header"),
        ("header.csv", b"a,b\n", &[], "no row below its header"),
        ("no.parquet", b"a,b\n1,2\n", &[], "could not read"),
        ("rows.jsonl", b"{}\n", &[], "CSV and Parquet are read"),
        (
            "none.csv",
            b"a,left\n1,1\n2,0\n",
            &["--label", "lefft"],
            "did you mean `left`?",
        ),
        (
            "many.csv",
            b"a,left\n1,1\n2,0\n3,2\n",
            &["--label", "left"],
            "3 different values, and a label has two",
        ),
        (
            "name.csv",
            b"a,left\n1,1\n2,0\n",
            &["--name", "my table"],
            "is no name of a contract",
        ),
        ("away.csv", b"", &["--from"], "a value is required"),
        ("packed.csv", b"\x1f\x8b\x08\x00", &[], "gunzip"),
        ("sheet.csv", b"PK\x03\x04", &[], "save the sheet as CSV"),
        ("bytes.csv", b"a,b\n1,\x00\n", &[], "NUL bytes"),
        (
            "wide.csv",
            b"a,b\n1,2,3\n",
            &[],
            "no row has as many cells as the header",
        ),
        (
            "sep.csv",
            b"sep=;\na;b\n1;2\n",
            &[],
            "`sep=` is a word to a spreadsheet",
        ),
        ("returns.csv", b"a,b\r1,2\r", &[], "lines end in CR alone"),
        ("returns2.csv", b"a,left\r\r\n1,0\r\r\n", &[], "lines end in CR CR LF"),
    ];
    for (name, bytes, arguments, words) in cases {
        let file = folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        let project = folder.path().join(format!("{name}.project"));
        let ended = init(&project, &file, arguments).with_code(2);
        assert!(ended.said.contains(words), "`{words}` is not in: {}", ended.said);
        assert!(!project.exists(), "{name}: nothing is written");
    }
}

#[test]
fn a_table_without_anything_to_learn_still_gets_a_contract() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("2024 Löhne.csv");
    std::fs::write(&file, "Name,Lohn\nAnna,1200\nBert,1300\nCarl,900\n").unwrap();
    let project = folder.path().join("people");
    let made = init(&project, &file, &[]).with_code(0).json();
    assert_eq!(made["name"], "table-2024-loehne");
    assert!(
        made["no_pipeline"]
            .as_str()
            .unwrap()
            .contains("no column looks like a label"),
        "{made}"
    );
    assert!(!project.join("pipelines").exists());
    run(command(&project, &["check"])).with_code(0);
    let copied = project.join("raw-data/table-2024-loehne/2024 Löhne.csv");
    assert_eq!(std::fs::read(copied).unwrap(), std::fs::read(&file).unwrap());
}

#[test]
fn a_profile_says_what_is_worth_a_look_and_tells_no_single_persons_value() {
    let folder = tempfile::tempdir().unwrap();
    let profile = |scenario: &str, page: &Path| {
        let mut command = muster();
        command.arg("profile").arg(scenarios().join(scenario).join("table.csv"));
        command.args(["--format", "json", "--out"]).arg(page);
        run(command).with_code(0).json()
    };
    let found = |shown: &Value, kind: &str| -> Vec<String> {
        let findings = shown["findings"].as_array().unwrap().iter();
        let findings = findings.filter(|finding| finding["kind"] == kind);
        findings
            .map(|finding| finding["column"].as_str().unwrap().to_owned())
            .collect()
    };
    let page = folder.path().join("leak.html");
    let leaks = profile("columns_that_give_the_label_away", &page);
    assert_eq!(found(&leaks, "leakage"), ["exit_interview", "exit_date"]);
    assert_eq!(found(&leaks, "identifier"), ["employee_id"]);
    assert_eq!(leaks["label"]["column"], "left");
    assert_eq!(
        found(&profile("constant_and_empty_columns", &page), "constant"),
        ["country", "remarks"]
    );
    assert!(found(&profile("outliers_and_sentinels", &page), "outliers").contains(&"salary".to_owned()));
    assert_eq!(found(&profile("mostly_empty_column", &page), "missing"), ["bonus"]);
    assert_eq!(
        found(&profile("a_few_wrong_cells", &page), "misread"),
        ["tenure", "salary"]
    );

    let shown = profile("identifiers_of_every_kind", &page);
    assert_eq!(found(&shown, "identifier"), ["row", "uuid", "email", "badge_no"]);
    let html = std::fs::read_to_string(&page).unwrap();
    let json = std::fs::read_to_string(page.with_extension("json")).unwrap();
    for text in [&html, &json, &shown.to_string()] {
        assert!(
            !text.contains("@example.org"),
            "an address that one person has is not told"
        );
    }
    assert!(
        html.contains("satisfaction") && html.contains("very low"),
        "what many share is"
    );
    assert_eq!(
        serde_json::from_str::<Value>(&json).unwrap()["columns"],
        shown["columns"],
        "page and output are of one value"
    );
    let numbers = shown["columns"]
        .as_array()
        .unwrap()
        .iter()
        .find(|column| column["name"] == "tenure")
        .unwrap();
    let rows: u64 = numbers["numbers"]["histogram"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rows| rows.as_u64().unwrap())
        .sum();
    assert_eq!(rows, 200, "the histogram holds every row");
    assert!(numbers["association"].as_f64().unwrap() > 0.0);
}

#[test]
fn ten_times_the_rows_are_looked_at_in_the_same_memory() {
    let folder = tempfile::tempdir().unwrap();
    let mut generate = muster();
    generate.args(["generate", "hr.candidate", "--rows", "40000", "--faults", "0", "--out"]);
    run({
        generate.arg(folder.path());
        generate
    })
    .with_code(0);
    let rows = std::fs::read_to_string(folder.path().join("hr.candidate.csv")).unwrap();
    let (header, rows) = rows.split_once('\n').unwrap();
    let most_of = |times: usize| {
        let file = folder.path().join(format!("times{times}.csv"));
        std::fs::write(&file, format!("{header}\n{}", rows.repeat(times))).unwrap();
        let mut command = muster();
        command.arg("profile").arg(file).args(["--format", "json"]);
        let child = command.stdout(Stdio::piped()).spawn().unwrap();
        let watching = watch(child.id());
        let ended = child.wait_with_output().unwrap();
        let shown: Value = serde_json::from_slice(&ended.stdout).unwrap();
        assert_eq!(shown["rows"], 40_000 * times);
        watching.join().unwrap()
    };
    let (once, ten_times) = (most_of(1), most_of(10));
    assert!(
        ten_times.peak < once.peak + GROWTH_KIB_MAX,
        "{ten_times:?} for ten times the rows, {once:?} for once"
    );
}

#[test]
fn a_shell_takes_its_completions_and_the_manual_has_a_page_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let mut completions = muster();
    completions.args(["completions", "bash"]);
    let script = folder.path().join("muster.bash");
    std::fs::write(&script, run(completions).with_code(0).output).unwrap();
    let sourced = Command::new("bash")
        .args(["-c", "source \"$0\" && complete -p muster"])
        .arg(&script)
        .output()
        .unwrap();
    assert!(sourced.status.success(), "{}", String::from_utf8_lossy(&sourced.stderr));

    let pages = folder.path().join("man");
    let mut man = muster();
    man.arg("man").arg(&pages);
    run(man).with_code(0);
    for page in ["muster.1", "muster-init.1", "muster-doctor.1", "muster-models-show.1"] {
        let text = std::fs::read_to_string(pages.join(page)).unwrap();
        assert!(text.contains(".TH muster") && text.contains("Examples:"), "{page}");
    }
}
