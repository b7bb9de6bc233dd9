//! Canaries: values that occur nowhere else in every personal field, good and bad, and then in no log line, metric,
//! HTTP answer or alert, however much is logged.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use muster_sandbox::kafka::broker_for_tests;
use muster_sandbox::postgres::fresh_database;

use crate::program::{Ended, Program, muster, run};
use crate::real_file::fresh_project;

const LIMIT: Duration = Duration::from_mins(1);
const HEADER: &str = "enrollee_id,city,city_development_index,gender,relevent_experience,enrolled_university,\
                      education_level,major_discipline,experience,company_size,company_type,last_new_job,\
                      training_hours,target";
/// The personal columns that hold text or numbers which may be anything in a bad row.
const PERSONAL: [usize; 10] = [0, 3, 4, 5, 6, 7, 8, 11, 12, 13];
const GOOD: u64 = 400;
const BAD: u64 = PERSONAL.len() as u64 + 3;

/// Rows with canaries from the `first` person on: good ones, whose ids are the canaries, and bad ones, whose words are.
fn file(first: u64) -> Vec<u8> {
    let mut text = format!("{HEADER}\n");
    let cells = |person: u64| {
        let city = ["city_103", "city_21", "city_16"][person as usize % 3];
        let target = u64::from(person % 3 == 1) ^ u64::from(person.is_multiple_of(11));
        let row = format!(
            "{person},{city},0.92,Male,No relevent experience,no_enrollment,Graduate,STEM,{},50-99,Pvt Ltd,1,{},{target}",
            person % 20 + 1,
            person % 300 + 1
        );
        row.split(',').map(str::to_owned).collect::<Vec<_>>()
    };
    for person in first..first + GOOD {
        writeln!(text, "{}", cells(person).join(",")).unwrap();
    }
    for (at, column) in PERSONAL.into_iter().enumerate() {
        let mut row = cells(first + GOOD + at as u64);
        row[column] = format!("Canary{column}Wert");
        writeln!(text, "{}", row.join(",")).unwrap();
    }
    writeln!(text, "CanaryRagged,CanaryRagged").unwrap();
    writeln!(text, "\"CanaryQuoted\nCanaryQuoted\",CanaryQuoted").unwrap();
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(b"CanaryBytes\xff\xfe,city_21,0.92,Male\n");
    bytes
}

struct Kept {
    brokers: String,
    database_url: String,
    topic: String,
}

impl Kept {
    fn command(&self, project: &Path, arguments: &[&str]) -> Command {
        let mut command = muster();
        command.args(arguments).arg("--project").arg(project);
        command
            .env("DATABASE_URL", &self.database_url)
            .env("KAFKA_BROKERS", &self.brokers);
        command
    }

    fn run(&self, project: &Path, arguments: &[&str]) -> Ended {
        run(self.command(project, arguments))
    }

    fn ask(&self, project: &Path, statement: &str) -> String {
        let copied = format!("COPY ({statement}) TO STDOUT");
        self.run(project, &["psql", "-c", &copied])
            .with_code(0)
            .output
            .trim_end()
            .to_owned()
    }
}

#[test]
fn no_value_of_a_person_is_in_a_log_line_a_metric_an_http_answer_or_an_alert() {
    let Some(brokers) = broker_for_tests() else { return };
    let first = 7_318_001;
    let given = tempfile::tempdir().unwrap();
    let csv = given.path().join("people.csv");
    std::fs::write(&csv, file(first)).unwrap();
    let world = Kept {
        brokers,
        database_url: fresh_database("muster_privacy").unwrap(),
        topic: format!("people.{}", std::process::id()),
    };
    let project = fresh_project(&csv, &world.topic);
    let project = project.path();
    world.run(project, &["migrate"]).with_code(0);

    let demo = world.run(project, &["demo", "--once", "--log", "debug"]).with_code(0);
    let serve = [
        "serve",
        "--watch",
        "--http",
        "127.0.0.1:0",
        "--seal-secs",
        "0.2",
        "--log",
        "debug",
    ];
    let serve = Program::start(world.command(project, &serve));
    serve.wait_said("took a source", LIMIT);
    std::fs::write(project.join("raw-data/hr.candidate/more.csv"), file(first + 1000)).unwrap();
    let begun = std::time::Instant::now();
    let received = "SELECT coalesce(sum(received), 0) FROM batches";
    while world.ask(project, received) != (2 * (GOOD + BAD)).to_string() {
        assert!(begun.elapsed() < LIMIT, "{}", world.ask(project, received));
        std::thread::sleep(Duration::from_millis(200));
    }
    let day = world.ask(
        project,
        "SELECT max((committed_at AT TIME ZONE 'UTC')::date) FROM batches",
    );
    let batch = world.ask(project, "SELECT min(batch_id) FROM violations");
    let day = format!("/reports/hr.candidate/{day}");
    let batch = format!("/reports/hr.candidate/batch/{batch}");
    let paths = [
        "/metrics",
        "/readyz",
        "/livez",
        "/reports/",
        &day,
        &batch,
        &format!("{day}.json"),
        &format!("{batch}.json"),
    ];
    let answers = paths.map(|path| {
        let (code, answer) = serve.get(path);
        assert_eq!(code, 200, "{path}");
        answer
    });
    serve.signal("TERM");
    let serve = serve.wait(LIMIT).with_code(0);
    let score = world.run(project, &["score", "--once", "--log", "debug"]).with_code(0);
    let tap = ["tap", "--from", "earliest", "--once", "--rate", "0"];
    let looked_on = [
        world.run(project, &tap),
        world.run(project, &[&tap[..], &["--format", "json"]].concat()),
        world.run(project, &["top", "--once"]),
        world.run(project, &["top", "--once", "--format", "json"]),
    ]
    .map(|ended| ended.with_code(0));
    let exported = given.path().join("bad.csv");
    let repair = [
        "bad",
        "repair",
        "--set",
        "training_hours = 7",
        "--reason",
        "mended",
        "--author",
        "ann",
    ];
    let mended = [
        &["bad", "list", "--count", "1000"][..],
        &["bad", "list", "--count", "1000", "--format", "json"],
        &["bad", "export", "--out", exported.to_str().unwrap()],
        &[&repair[..], &["--dry-run"]].concat(),
        &[&repair[..], &["--format", "json"]].concat(),
        &["replay", "--author", "ann"],
        &["bad", "list", "--repaired", "--count", "1000", "--format", "json"],
    ]
    .map(|arguments| {
        let arguments = [arguments, &["--contract", "hr.candidate", "--log", "debug"]].concat();
        world.run(project, &arguments).with_code(0)
    });
    let exported = std::fs::read_to_string(exported).unwrap();
    assert_eq!(
        mended[4].json()["good"],
        2,
        "one row of each file had a word for its hours"
    );
    let kept = [
        "repairs",
        "repaired_rows",
        "alerts",
        "violations",
        "batches",
        "sources",
        "batch_statistics",
        "runs",
        "claims",
    ]
    .map(|table| world.ask(project, &format!("SELECT * FROM {table}")));

    // The canaries are in what they must be in.
    assert_eq!(
        world.ask(project, "SELECT sum(good) || ' ' || sum(bad) FROM batches"),
        format!("{} {}", 2 * GOOD, 2 * BAD)
    );
    let ids = format!(
        "SELECT count(DISTINCT entity) FROM predictions WHERE entity::bigint BETWEEN {first} AND {}",
        first + 2000
    );
    assert_eq!(world.ask(project, &ids), (2 * GOOD).to_string());
    assert!(
        !kept[0].is_empty() && !kept[2].is_empty(),
        "repairs were kept and alerts raised"
    );

    for tap in &looked_on[..2] {
        assert_eq!(
            tap.output.lines().count() as u64,
            2 * (GOOD + BAD),
            "every verdict was told"
        );
    }

    let people: BTreeSet<String> = (first..first + 2000).map(|person| person.to_string()).collect();
    let told = [&demo.said, &serve.said, &score.said];
    let mut lines = 0;
    for line in told
        .into_iter()
        .chain(&answers)
        .chain(&kept)
        .chain([&exported])
        .chain(
            looked_on
                .iter()
                .chain(&mended)
                .flat_map(|ended| [&ended.output, &ended.said]),
        )
        .flat_map(|text| text.lines())
    {
        lines += 1;
        assert!(!line.contains("Canary"), "{line}");
        let words = line.split(|letter: char| !letter.is_ascii_alphanumeric());
        let named: Vec<&str> = words.filter(|word| people.contains(*word)).collect();
        assert!(named.is_empty(), "{named:?} in {line}");
    }
    assert!(lines > 200, "so little was said: {lines} lines");
}
