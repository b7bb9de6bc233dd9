//! Looking back into a ledger of many rows: `cargo bench -p muster --bench history`.
//!
//! Makes a project whose ledger holds ten million rows of the shipped contract `hr.candidate`, one in twenty bad: judged,
//! sealed, committed and scored by the code that ingests and scores, only the scores themselves are drawn. Then the program
//! itself is timed, each call a process of its own from its start to its end: `trace` of records, predictions and entities
//! drawn at random, `rules backtest` of a changed contract over all rows, `verify --files`. Needs some 6 GB below the
//! system's folder of temporary files.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use muster_sandbox::Private;

use figures::Spent;
use making::Made;

#[path = "../candidates/mod.rs"]
mod candidates;
#[expect(dead_code, reason = "other benches use more of it")]
#[path = "../../../../tests/bench/figures.rs"]
mod figures;
mod making;

const ROWS: usize = 10_000_000;
const TRACES: usize = 200;
const ROUNDS: usize = 3;

/// What the changed contract says otherwise.
const CHANGES: [(&str, &str); 2] = [
    ("between: [0, 1]", "between: [0.05, 1]"),
    ("'^city_[0-9]{1,3}$'", "'^[Cc]ity_[0-9]{1,3}$'"),
];

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let cluster = Private::start_or_join(folder.path()).expect("a PostgreSQL");
    let url = cluster.url().to_owned();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let begun = Instant::now();
    let made = runtime
        .expect("a runtime")
        .block_on(making::ledger(folder.path(), &url, figures::rows(ROWS)));
    say(&format!(
        "made a ledger of {} rows in {:.0} s",
        made.rows,
        begun.elapsed().as_secs_f64()
    ));
    let program = Program {
        folder: folder.path().to_owned(),
        url,
    };
    trace(&program, &made);
    backtest(&program, &made);
    let listed = figures::rounds(ROUNDS);
    let verified: Vec<Spent> = (0..listed)
        // The drawn model has no files, which is a finding.
        .map(|_| program.ends(1, &["verify", "--files"], made.rows).0)
        .collect();
    figures::tell(
        "verify",
        "all sealed files, held against their sha-256",
        Spent::median(&verified),
        None,
    );
}

/// Times traces of each kind; drawn by a fixed stride, so that no two are near each other.
fn trace(program: &Program, made: &Made) {
    let wanted = figures::rounds(TRACES);
    let drawn = |kind: u64, at: usize| {
        (at as u64)
            .wrapping_mul(0x9E37_79B9_7F4A_7C15)
            .rotate_left(kind as u32 * 7)
            % made.rows
    };
    let kinds: [(&str, &dyn Fn(usize) -> String); 3] = [
        ("record", &|at| made.record(drawn(1, at))),
        ("prediction", &|at| made.prediction(drawn(2, at))),
        ("entity", &|at| Made::entity(drawn(3, at))),
    ];
    for (kind, what) in kinds {
        let mut millis: Vec<f64> = (0..wanted)
            .map(|at| 1e3 * program.run(&["trace", &what(at), "--format", "json"], 1).0.wall_secs)
            .collect();
        millis.sort_by(f64::total_cmp);
        let at = |share: f64| millis[((millis.len() - 1) as f64 * share).round() as usize];
        say(&format!(
            "trace, {kind}, of {} rows: median {:.1} ms, 95 in 100 within {:.1} ms, slowest {:.1} ms",
            made.rows,
            at(0.5),
            at(0.95),
            at(1.0)
        ));
    }
}

/// Times a back-test over all rows, and how much memory it takes.
fn backtest(program: &Program, made: &Made) {
    let changed = program.folder.join("changed");
    std::fs::create_dir(&changed).expect("a folder");
    let name = "hr.candidate.contract.yaml";
    for file in [name, "hr.candidate.avsc"] {
        let mut text = std::fs::read_to_string(program.folder.join("schemas").join(file)).expect("a schema");
        for (from, to) in CHANGES.iter().filter(|_| file == name) {
            assert!(text.contains(from), "the contract has no `{from}`");
            text = text.replace(from, to);
        }
        std::fs::write(changed.join(file), text).expect("written");
    }
    let file = changed.join(name).display().to_string();
    let arguments = ["rules", "backtest", "--contract", &file, "--by", "city"];
    let rounds = (0..figures::rounds(ROUNDS)).map(|_| program.run(&arguments, made.rows));
    let (spent, bytes): (Vec<Spent>, Vec<u64>) = rounds.unzip();
    figures::tell(
        "backtest",
        "15 fields, a twentieth bad, by city",
        Spent::median(&spent),
        None,
    );
    say(&format!(
        "    at most {} MiB of memory",
        bytes.iter().max().unwrap_or(&0) >> 20
    ));
}

/// The program on the made ledger.
struct Program {
    folder: PathBuf,
    url: String,
}

impl Program {
    fn run(&self, arguments: &[&str], rows: u64) -> (Spent, u64) {
        self.ends(0, arguments, rows)
    }

    /// Runs it to its end, which is to have this code: what it took for so many rows, and how much memory at most.
    fn ends(&self, code: i32, arguments: &[&str], rows: u64) -> (Spent, u64) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        command
            .args(arguments)
            .arg("--project")
            .arg(&self.folder)
            .env("DATABASE_URL", &self.url);
        let (begun, cpu_begun) = (Instant::now(), figures::Clock::Children.secs());
        let mut child = command.stdout(Stdio::null()).spawn().expect("the program starts");
        let (ended, bytes) = watch(&mut child);
        assert_eq!(ended.code(), Some(code), "{arguments:?}");
        let wall_secs = begun.elapsed().as_secs_f64();
        let spent = Spent {
            rows,
            wall_secs,
            cpu_secs: figures::Clock::Children.secs() - cpu_begun,
        };
        (spent, bytes)
    }
}

/// Waits for a process: how it ended, and the most memory it was seen to have.
fn watch(child: &mut Child) -> (ExitStatus, u64) {
    let status = Path::new("/proc").join(child.id().to_string()).join("status");
    let mut most = 0;
    let mut pause = Duration::from_micros(500);
    loop {
        if let Some(ended) = child.try_wait().expect("it is our child") {
            return (ended, most);
        }
        let told = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        most = most.max(kibibytes.unwrap_or(0) << 10);
        std::thread::sleep(pause);
        // Short calls are timed to the half of a millisecond, long ones are left alone.
        pause = (pause * 21 / 20).min(Duration::from_millis(20));
    }
}

#[expect(clippy::print_stdout, reason = "figures are a bench's output")]
fn say(line: &str) {
    println!("{line}");
}
