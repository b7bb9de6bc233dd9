//! Drift from published rows to the table, the metric and the outbox, with and without a real Kafka; and that a worker
//! that dies counts no row twice.

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use muster_sandbox::postgres::fresh_database;

use crate::dashboards::{copy_folder, repository};
use crate::program::{Ended, muster, run};
use crate::scoring::trained;
use crate::world::{CONTRACT, INGEST, PIPELINE, World};

const LIMIT: Duration = Duration::from_mins(1);
const WINDOW: Duration = Duration::from_secs(4);
/// How often and when windows are looked at is no matter of these tests.
const PATIENCE: Duration = Duration::from_secs(20);

/// Visits of up to 50 hours, and `shift` more.
fn visits(from: u64, rows: u64, shift: f64) -> String {
    let mut text = "number,level,hours,occurred_at,target\n".to_owned();
    for number in from..from + rows {
        let hours = (number * 7_919 % 500) as f64 / 10.0;
        let target = u64::from((hours * 2.0) as u64 > number * 104_729 % 100);
        let level = ["low", "middle", "high"][number as usize % 3];
        writeln!(text, "{number},{level},{},2026-03-01T00:00:00Z,{target}", hours + shift).unwrap();
    }
    text
}

impl World {
    /// Publishes visits as a file of their own.
    fn publish(&self, from: u64, rows: u64, shift: f64) {
        let path = self.path().join(format!("{from}.csv"));
        std::fs::write(&path, visits(from, rows, shift)).unwrap();
        self.run(&["publish", path.to_str().unwrap(), "--contract", CONTRACT])
            .with_code(0);
    }

    /// Waits until a statement gives this.
    fn wait_for(&self, statement: &str, expected: &str) {
        let begun = Instant::now();
        loop {
            let given = self.ask(statement);
            if given == expected {
                return;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "`{statement}` gives {given}, not {expected}"
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

#[test]
fn a_shift_in_what_is_published_is_not_in_the_table_not_shown_or_told_twice_and_never_over() {
    let Some(world) = World::new("drift", 2) else { return };
    let file = world.path().join("pipelines/return.yaml");
    let yaml = std::fs::read_to_string(&file).unwrap();
    let window = WINDOW.as_secs();
    std::fs::write(
        &file,
        format!("{yaml}drift: {{ window: {window}s, false_alarms: 0.0001 }}\n"),
    )
    .unwrap();
    world.publish(0, 2_000, 0.0);
    world.run(&["ingest", "--once"]).with_code(0);
    assert_eq!(
        world.ask("SELECT count(*) FROM drift_windows"),
        "0",
        "there was no model"
    );
    world.run(&["train", PIPELINE, "--fold-seeds", "1"]).with_code(0);

    let ingest = world.ingest();
    ingest.wait_said("measuring drift from the champion's training", LIMIT);
    world.publish(2_000, 1_000, 0.0);
    world.wait_for("SELECT sum(rows) FROM drift_windows", "1000");
    world.wait_for("SELECT count(DISTINCT feature) FROM drift WHERE state = 'fine'", "2");
    assert_eq!(
        world.ask("SELECT count(*) FROM drift WHERE state IN ('warn', 'alert')"),
        "0"
    );
    assert_eq!(world.ask("SELECT count(*) FROM alerts"), "0");

    std::thread::sleep(WINDOW);
    world.publish(3_000, 1_000, 25.0);
    world.wait_for(
        "SELECT DISTINCT feature || ' ' || measure FROM drift WHERE state = 'alert'",
        "hours psi",
    );
    let shown = |name: &str, feature: &str| {
        let (_, text) = ingest.get("/metrics");
        let series = format!("{name}{{feature=\"{feature}\",pipeline=\"{PIPELINE}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&series));
        line.map(|value| value.parse::<f64>().unwrap())
    };
    let begun = Instant::now();
    while shown("muster_drift_state", "hours") != Some(2.0) {
        assert!(begun.elapsed() < PATIENCE, "the metric does not show it");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(shown("muster_drift_psi", "hours").unwrap() > 0.25);
    assert!(shown("muster_drift_psi", "level").unwrap() < 0.1);
    assert!(
        shown("muster_drift_new_levels_ratio", "hours").is_none(),
        "a number has no levels"
    );

    std::thread::sleep(WINDOW);
    world.publish(4_000, 1_000, 0.0);
    world.wait_for(
        "SELECT state FROM alerts WHERE condition = 'drift' ORDER BY id DESC LIMIT 1",
        "resolved",
    );
    assert_eq!(
        world.ask("SELECT string_agg(DISTINCT fingerprint, ' ') FROM alerts"),
        "pipeline/return/drift/hours"
    );
    // Rows that came at a window's end drift in two windows: told of once in each.
    assert_eq!(
        world.ask("SELECT count(*) FROM alerts WHERE state = 'firing'"),
        world.ask("SELECT count(*) FROM drift WHERE state = 'alert'")
    );
    assert_eq!(world.ask("SELECT count(*) FROM alerts WHERE state = 'resolved'"), "1");
    ingest.signal("TERM");
    ingest.wait(LIMIT).with_code(0);
    adds_up(&world);
}

/// Every good row that was committed under a champion is in one window, and in one cell of each feature.
fn adds_up(world: &World) {
    let good = "SELECT sum(good) FROM batches WHERE committed_at > (SELECT min(moved_at) FROM model_alias_moves)";
    let good = world.ask(good);
    assert_eq!(world.ask("SELECT sum(rows) FROM drift_windows"), good);
    let counted = "SELECT (sum(count) / 2)::bigint FROM drift_windows, unnest(counts) AS count";
    assert_eq!(world.ask(counted), good, "two features");
}

#[test]
fn an_ingest_killed_before_or_after_its_commit_counts_drift_twice_or_never() {
    for point in ["commit", "committed"] {
        let Some((world, mut producer)) = trained("counted") else {
            return;
        };
        for hit in ["return(kill)", "2*off->return(kill)"] {
            let mut process = world.start_failing(&INGEST, &format!("{point}={hit}"));
            process.wait_said("took a source", LIMIT);
            let begun = Instant::now();
            while process.runs() {
                assert!(begun.elapsed() < LIMIT, "{point} was not reached");
                producer.send(100);
                std::thread::sleep(Duration::from_millis(250));
            }
            process.wait(LIMIT).killed();
        }
        producer.send(100);
        world.run(&["ingest", "--once"]).with_code(0);
        adds_up(&world);
    }
}

/// The demo of the shipped project, on the in-process broker.
fn demo(project: &Path, database_url: &str) -> Ended {
    let mut command = muster();
    command.args(["demo", "--once", "--project"]).arg(project);
    command.env("DATABASE_URL", database_url);
    run(command).with_code(0)
}

#[test]
fn a_level_that_was_renamed_is_not_found_on_the_in_process_broker() {
    let folder = tempfile::tempdir().unwrap();
    let project = folder.path();
    for part in ["schemas", "pipelines", "alerts"] {
        copy_folder(&repository(part), &project.join(part));
    }
    let raw = project.join("raw-data/hr.candidate");
    std::fs::create_dir_all(&raw).unwrap();
    let mut command = muster();
    command
        .args(["generate", "hr.candidate", "--rows", "3600", "--faults", "0", "--out"])
        .arg(project.join("made"));
    run(command).with_code(0);
    let made = std::fs::read_to_string(project.join("made/hr.candidate.csv")).unwrap();
    let lines: Vec<&str> = made.lines().collect();
    let database_url = fresh_database("drift").unwrap();
    let mut migrate = muster();
    migrate.arg("migrate").env("DATABASE_URL", &database_url);
    run(migrate).with_code(0);
    std::fs::write(raw.join("first.csv"), lines[..3_001].join("\n")).unwrap();
    demo(project, &database_url);
    // Other people, most of whose cities are written otherwise.
    let moved = [&lines[..1], &lines[3_001..]]
        .concat()
        .join("\n")
        .replace(",city_1", ",city_9");
    std::fs::write(raw.join("second.csv"), moved).unwrap();
    demo(project, &database_url);

    let ask = |statement: &str| {
        let mut command = muster();
        command
            .args(["psql", "-c", &format!("COPY ({statement}) TO STDOUT"), "--project"])
            .arg(project);
        command.env("DATABASE_URL", &database_url);
        run(command).with_code(0).output.trim().to_owned()
    };
    assert_eq!(ask("SELECT count(*), count(DISTINCT feature) FROM drift"), "12\t12");
    assert_eq!(
        ask("SELECT string_agg(feature, ' ') FROM drift WHERE state = 'alert'"),
        "city"
    );
    assert_eq!(
        ask("SELECT new_levels_ratio > 0.05 AND new_levels_distinct > 5 FROM drift WHERE feature = 'city'"),
        "t"
    );
    assert_eq!(
        ask("SELECT DISTINCT target || ' ' || state || ' ' || about FROM alerts WHERE condition = 'drift'"),
        "data-quality firing job-change"
    );
    // Neither table nor outbox nor reference tells whose rows they were.
    let levels = "SELECT count(*) FROM drift WHERE drift::text ~ 'city_[0-9]'";
    assert_eq!(ask(levels), "0");
}
