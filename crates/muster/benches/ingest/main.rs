//! The whole ingest: a real Apache Kafka to the committed ledger, by the program itself.
//!
//! `cargo bench -p muster --bench ingest` generates rows of the shipped contract `hr.candidate`, one in twenty with a
//! fault, publishes them to six partitions and has `muster ingest --once` take them into a fresh project with a private
//! PostgreSQL, several times; then the same with typed events as a source system sends them. A round is timed from the first partition that is taken to the commit of the last row.
//! CPU is the ingesting process's, told by thread: each stage has threads of its own, and the one that decodes and
//! judges says how long it did which. The broker runs on the same processors; librdkafka alone, polled one by one, reads
//! the same topic in turn. At the end ingest and scoring are measured beside a storm of alerts, in turn with the same without.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use muster_sandbox::kafka::operator::poll_topic;
use muster_sandbox::kafka::{broker_for_tests, own_broker_for_tests};
use muster_sandbox::{Kafka, Private};
use tempfile::TempDir;

use events::Slice;
use figures::{Clock, Spent};
use storm::Storm;

mod events;
mod storm;

#[expect(dead_code, reason = "other benches use more of it")]
#[path = "../../../../tests/bench/figures.rs"]
mod figures;

const ROWS: usize = 1_000_000;
const PARTITIONS: i32 = 6;
const ROUNDS: usize = 3;
const PUBLISH_ROUNDS: usize = 3;
const STORM_ROUNDS: usize = 7;
/// How many rows one scoring pass beside a storm scores.
const SCORED_ROWS: usize = 50_000;

fn main() {
    let kafka = own_broker_for_tests();
    let Some(brokers) = kafka.as_ref().map(Kafka::brokers).or_else(broker_for_tests) else {
        return;
    };
    let rows = figures::rows(ROWS).to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let generate = ["generate", "hr.candidate", "--rows", &rows, "--faults", "0.05"];
    let made = muster(&generate).arg("--out").arg(folder.path()).output();
    assert!(made.expect("the program starts").status.success());
    let mut world = World {
        file: folder.path().join("hr.candidate.csv"),
        topic: String::new(),
        brokers,
        rows: rows.parse().expect("it was a number"),
        kafka,
    };
    let published: Vec<Spent> = (0..figures::rounds(PUBLISH_ROUNDS))
        .map(|round| world.publish(round))
        .collect();
    let what = format!("CSV to Kafka, 15 fields, {PARTITIONS} partitions");
    figures::tell("publish", &what, Spent::median(&published), None);
    world.measure("published rows");
    world.send_events();
    world.measure("typed events");
    world.measure_storm();
}

/// What is published, and where.
struct World {
    file: PathBuf,
    topic: String,
    brokers: String,
    rows: u64,
    /// The broker, where it is ours.
    kafka: Option<Kafka>,
}

/// One ingest.
struct Round {
    spent: Spent,
    /// CPU seconds of each part.
    parts: BTreeMap<&'static str, f64>,
    broker_cpu_secs: f64,
}

impl World {
    /// Ingests the topic several times, in turn with librdkafka alone.
    fn measure(&self, what: &str) {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..figures::rounds(ROUNDS) {
            theirs.push(self.poll());
            ours.push(self.ingest(Weather::Calm));
        }
        let spent: Vec<Spent> = ours.iter().map(|round| round.spent).collect();
        figures::tell(
            "ingest",
            &format!("{what} from Kafka to the committed ledger, 15 fields, 22 rules, a twentieth bad"),
            Spent::median(&spent),
            Some(("librdkafka alone, polled one by one", Spent::median(&theirs))),
        );
        // The parts of one round, so that they add up.
        ours.sort_by(|one, other| one.spent.cpu_secs.total_cmp(&other.spent.cpu_secs));
        ours.swap_remove(ours.len() / 2).tell_parts(what);
    }

    /// Sends the rows as typed events to a topic of their own, which the rounds after it read.
    fn send_events(&mut self) {
        self.topic = format!("bench.{}.events", std::process::id());
        self.rows = self.send(&Slice {
            rows: usize::MAX,
            day: 0,
        });
    }

    fn send(&self, slice: &Slice) -> u64 {
        events::send(&self.brokers, &self.topic, PARTITIONS, &self.file, slice)
    }

    /// Ingests the topic, then scores rows of another, beside a storm and without.
    fn measure_storm(&mut self) {
        let without = "the same without them";
        figures::compare(
            "storm",
            "typed events from Kafka to the committed ledger beside 10,000 alerts a minute",
            without,
            STORM_ROUNDS,
            || self.ingest(Weather::Storm).spent,
            || self.ingest(Weather::Calm).spent,
        );
        self.topic = format!("bench.{}.scored", std::process::id());
        let mut scored = Scored::prepare(self);
        let (stormy, calm): (Vec<Spent>, Vec<Spent>) = (0..figures::rounds(STORM_ROUNDS))
            .map(|_| (scored.score(Weather::Storm), scored.score(Weather::Calm)))
            .unzip();
        figures::tell(
            "storm",
            "scored with all reasons beside 10,000 alerts a minute",
            Spent::median(&stormy),
            Some((without, Spent::median(&calm))),
        );
    }

    /// Publishes the file to a topic of its own, which the rounds after it read.
    fn publish(&mut self, round: usize) -> Spent {
        self.topic = format!("bench.{}.{round}", std::process::id());
        let project = self.project();
        let file = self.file.display().to_string();
        Spent::of(Clock::Children, || {
            let partitions = PARTITIONS.to_string();
            let publish = [
                "publish",
                &file,
                "--contract",
                "hr.candidate",
                "--partitions",
                &partitions,
            ];
            self.must(&project, &publish);
            self.rows
        })
    }

    fn poll(&self) -> Spent {
        let mut begun = None;
        let mut rows = 0;
        poll_topic(&self.brokers, &self.topic, |payload| {
            begun.get_or_insert_with(|| (Instant::now(), Clock::Process.secs()));
            rows += u64::from(payload.is_some());
        })
        .expect("the topic is read");
        assert_eq!(rows, self.rows);
        let (begun, cpu_begun) = begun.expect("there are records");
        Spent {
            rows,
            wall_secs: begun.elapsed().as_secs_f64(),
            cpu_secs: Clock::Process.secs() - cpu_begun,
        }
    }

    fn ingest(&self, weather: Weather) -> Round {
        let project = self.project();
        self.must(&project, &["migrate"]);
        let _storm = self.weather(weather, &project);
        let ingest = [
            "ingest",
            "--once",
            "--log",
            "warn,muster::ingest=debug",
            "--group",
            &self.topic,
        ];
        let mut command = self.in_project(&project, &ingest);
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let said = BufReader::new(child.stderr.take().expect("it is piped"));
        let (mut begun, mut ended, mut rows) = (None, None, 0);
        let mut shares = (0.5, 0.5);
        let mut all = String::new();
        for line in said.lines().map_while(Result::ok) {
            all += &(line.clone() + "\n");
            if line.contains("took a source") && begun.is_none() {
                begun = Some(self.moment(&child));
            } else if line.contains("committed a batch") {
                rows += field(&line, "rows").expect("it says how many rows") as u64;
                if rows == self.rows {
                    ended = Some(self.moment(&child));
                }
            } else if let (Some(decode), Some(judge)) = (field(&line, "decode_secs"), field(&line, "judge_secs")) {
                shares = (decode / (decode + judge), judge / (decode + judge));
            }
        }
        assert!(child.wait().expect("it ends").success(), "{all}");
        let (begun, ended) = (begun.expect("sources were taken"), ended.expect(&all));
        ended.since(&begun, rows, shares)
    }

    fn moment(&self, child: &Child) -> Moment {
        Moment {
            at: Instant::now(),
            threads: threads(child.id()),
            broker_cpu_secs: self.kafka.as_ref().and_then(Kafka::pid).map_or(0.0, process_cpu_secs),
        }
    }

    /// A project with the shipped contract, for this world's topic.
    fn project(&self) -> TempDir {
        let project = tempfile::tempdir().expect("a folder");
        let schemas = project.path().join("schemas");
        std::fs::create_dir(&schemas).expect("a folder");
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas");
        for name in ["hr.candidate.avsc", "hr.candidate.contract.yaml"] {
            let text = std::fs::read_to_string(shipped.join(name)).expect("the contract ships with the repository");
            std::fs::write(schemas.join(name), text.replace("hr.candidate.v1", &self.topic)).expect("written");
        }
        storm::prepare(&project);
        project
    }

    /// What goes on beside the work in a project for as long as this is held.
    fn weather(&self, weather: Weather, project: &TempDir) -> Option<(Storm, Private)> {
        if weather == Weather::Calm {
            return None;
        }
        let cluster = Private::start_or_join(project.path()).expect("a private PostgreSQL");
        let storm = Storm::start(self.in_project(project, &["alerts", "send"]), cluster.url());
        // The sender is at work before anything is measured.
        std::thread::sleep(Duration::from_secs(2));
        Some((storm, cluster))
    }

    /// Runs the program to its end, which must be a good one.
    fn must(&self, project: &TempDir, arguments: &[&str]) {
        let ended = self
            .in_project(project, arguments)
            .output()
            .expect("the program starts");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }

    fn in_project(&self, project: &TempDir, arguments: &[&str]) -> Command {
        let mut command = muster(arguments);
        command.env("KAFKA_BROKERS", &self.brokers);
        command.arg("--project").arg(project.path());
        command
    }
}

/// What goes on beside the work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weather {
    Storm,
    Calm,
}

/// A project with a champion, to which rows come day by day.
struct Scored<'a> {
    world: &'a World,
    project: TempDir,
    days: i64,
}

impl<'a> Scored<'a> {
    fn prepare(world: &'a World) -> Self {
        let project = world.project();
        let pipelines = project.path().join("pipelines");
        std::fs::create_dir(&pipelines).expect("a folder");
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines");
        for name in ["job-change.yaml", "job-change.sql"] {
            std::fs::copy(shipped.join(name), pipelines.join(name)).expect("the pipeline ships with the repository");
        }
        world.must(&project, &["migrate"]);
        let mut scored = Self {
            world,
            project,
            days: 0,
        };
        scored.a_day();
        scored.world.must(&scored.project, &["train", "job-change"]);
        scored.score(Weather::Calm);
        scored
    }

    /// Another day's rows arrive; gives how many.
    fn a_day(&mut self) -> u64 {
        let rows = figures::rows(SCORED_ROWS);
        let sent = self.world.send(&Slice {
            rows,
            day: 2 * self.days,
        });
        self.days += 1;
        self.world
            .must(&self.project, &["ingest", "--once", "--group", &self.world.topic]);
        sent
    }

    /// Scores a day's rows.
    fn score(&mut self, weather: Weather) -> Spent {
        let rows = self.a_day();
        let _storm = self.world.weather(weather, &self.project);
        Spent::of(Clock::Children, || {
            self.world.must(&self.project, &["score", "--once"]);
            rows
        })
    }
}

impl Round {
    fn tell_parts(self, what: &str) {
        let stage = format!("cpu: {what}");
        let part = |name: &str, cpu_secs: f64| {
            let spent = Spent {
                rows: self.spent.rows,
                wall_secs: 0.0,
                cpu_secs,
            };
            figures::tell(&stage, name, spent, None);
        };
        for (name, cpu_secs) in &self.parts {
            part(name, *cpu_secs);
        }
        part("7. all of it", self.spent.cpu_secs);
        if self.broker_cpu_secs > 0.0 {
            part("beside it: the broker", self.broker_cpu_secs);
        }
    }
}

/// Where a process and the broker were.
struct Moment {
    at: Instant,
    /// Name and CPU seconds of each thread, by id.
    threads: BTreeMap<u32, (String, f64)>,
    broker_cpu_secs: f64,
}

impl Moment {
    fn since(&self, begun: &Self, rows: u64, (decode, judge): (f64, f64)) -> Round {
        let mut parts = BTreeMap::new();
        let mut add = |part: &'static str, secs: f64| *parts.entry(part).or_insert(0.0) += secs;
        let mut cpu_secs = 0.0;
        for (id, (name, secs)) in &self.threads {
            let secs = secs - begun.threads.get(id).map_or(0.0, |(_, before)| *before);
            cpu_secs += secs;
            match name.as_str() {
                "muster-receive" => add("2. receive", secs),
                "muster-judge" => {
                    add("3. decode", secs * decode);
                    add("4. judge", secs * judge);
                }
                name if name.starts_with("muster-seal") => add("5. seal", secs),
                name if name.starts_with("rdk:") => add("1. fetch (librdkafka)", secs),
                _ => add("6. commit and the rest", secs),
            }
        }
        Round {
            spent: Spent {
                rows,
                wall_secs: (self.at - begun.at).as_secs_f64(),
                cpu_secs,
            },
            parts,
            broker_cpu_secs: self.broker_cpu_secs - begun.broker_cpu_secs,
        }
    }
}

/// The program, without anything of our own surroundings that it would read.
fn muster(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    for name in [
        "DATABASE_URL",
        "KAFKA_CONFIG_FILE",
        "SCHEMA_REGISTRY_URL",
        "MUSTER_PROJECT",
        "MUSTER_LOG",
    ] {
        command.env_remove(name);
    }
    command.args(arguments);
    command
}

/// The number after `name=` in a log line.
fn field(line: &str, name: &str) -> Option<f64> {
    let value = line
        .split_whitespace()
        .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
    value.parse().ok()
}

/// The threads of a process: name and CPU seconds of each.
fn threads(process: u32) -> BTreeMap<u32, (String, f64)> {
    let folder = std::fs::read_dir(format!("/proc/{process}/task")).expect("it runs");
    let read = |path: PathBuf| {
        let name = std::fs::read_to_string(path.join("comm")).ok()?;
        let account = std::fs::read_to_string(path.join("schedstat")).ok()?;
        let nanos = account.split(' ').next()?.parse::<f64>().ok()?;
        let id = path.file_name()?.to_str()?.parse().ok()?;
        Some((id, (name.trim().to_owned(), nanos * 1e-9)))
    };
    folder.flatten().filter_map(|thread| read(thread.path())).collect()
}

/// CPU seconds of a process, in hundredths.
fn process_cpu_secs(process: u32) -> f64 {
    let account = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let after_name = account.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2);
    ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
