//! The size of a report and the time it takes, over many rows.

use std::time::{Duration, Instant};

use muster_sandbox::kafka::broker_for_tests;
use muster_sandbox::postgres::fresh_database;

use super::{CONTRACT, check, generated, read_json};
use crate::program::{muster, run};
use crate::real_file::fresh_project;

/// Twenty thousand rows; in `make soak` a million, and then the clock is looked at too.
#[test]
fn soak_the_report_on_a_day_of_many_rows_is_small_and_soon_there() {
    let Some(brokers) = broker_for_tests() else { return };
    let is_soak = std::env::var_os("MUSTER_SOAK_SECS").is_some();
    let rows: u64 = if is_soak { 1_000_000 } else { 20_000 };
    let generated = generated(rows);
    let csv = generated.path().join("hr.candidate.csv");
    let project = fresh_project(&csv, &format!("it.many.{}", std::process::id()));
    let database_url = fresh_database("muster_it").unwrap();
    let run = |arguments: &[&str]| {
        let mut command = muster();
        command.args(arguments).arg("--project").arg(project.path());
        command
            .env("DATABASE_URL", &database_url)
            .env("KAFKA_BROKERS", &brokers);
        run(command)
    };
    run(&["migrate"]).with_code(0);
    let file = csv.to_str().unwrap();
    run(&["publish", file, "--contract", CONTRACT, "--partitions", "4"]).with_code(0);
    run(&["ingest", "--once"]).with_code(0);
    let out = project.path().join("day.html");
    let begun = Instant::now();
    run(&["report", "--contract", CONTRACT, "--out", out.to_str().unwrap()]).with_code(1);
    let took = begun.elapsed();
    let report = read_json(&out.with_extension("json"));
    check(&report, &std::fs::read_to_string(&out).unwrap());
    assert_eq!(report["totals"]["received"], rows + 1);
    let bytes = out.metadata().unwrap().len();
    println!("{rows} rows: {took:?}, {bytes} bytes");
    assert!(
        !is_soak || took < Duration::from_secs(3),
        "{took:?} and {bytes} bytes for {rows} rows"
    );
}
