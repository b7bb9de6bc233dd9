//! How benches measure and what they tell: rows a second and rows a second of CPU, ours beside a named peer of one run.
//!
//! Included by every bench, each of which is a program of its own. A figure is printed when it is there; with
//! `MUSTER_BENCH_FIGURES` it is also added to that file as a line of fields between tabs, from which the bench `table`
//! makes one table of all. With `MUSTER_BENCH_QUICK=1` everything runs once, on little: to see that it works.

use std::io::Write;
use std::time::Instant;

/// What rows took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Spent {
    /// How many.
    pub rows: u64,
    /// Seconds that passed; 0 for a part of what is told as a whole.
    pub wall_secs: f64,
    /// Seconds on processors.
    pub cpu_secs: f64,
}

/// Whose time on processors counts.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// This thread's, to the nanosecond.
    Thread,
    /// That of all threads of this process, ended ones too, in hundredths of a second.
    Process,
    /// That of child processes that were waited for, in hundredths of a second.
    Children,
}

impl Clock {
    /// What it shows, in seconds.
    pub fn secs(self) -> f64 {
        if matches!(self, Self::Thread) {
            // The kernel brings a thread's account up to date when it leaves the processor.
            std::thread::yield_now();
            let account = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux keeps the account");
            let nanos = account.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok());
            return nanos.expect("the account begins with nanoseconds") * 1e-9;
        }
        // `man proc_pid_stat`: utime and stime are fields 14 and 15, cutime and cstime 16 and 17.
        let first = if matches!(self, Self::Process) { 14 } else { 16 };
        let account = std::fs::read_to_string("/proc/self/stat").expect("Linux keeps the account");
        let after_name = account.rsplit(')').next().expect("the name stands in brackets");
        let ticks = after_name.split_whitespace().skip(first - 3).take(2);
        ticks
            .map(|ticks| ticks.parse::<f64>().expect("ticks are a number"))
            .sum::<f64>()
            / 100.0
    }
}

impl Spent {
    /// What `work` takes, which gives the number of its rows.
    pub fn of(clock: Clock, work: impl FnOnce() -> u64) -> Self {
        let (begun, cpu_begun) = (Instant::now(), clock.secs());
        let rows = work();
        let cpu_secs = clock.secs() - cpu_begun;
        Self {
            rows,
            wall_secs: begun.elapsed().as_secs_f64(),
            cpu_secs,
        }
    }

    /// The median of both times; all rounds had as many rows.
    pub fn median(rounds: &[Self]) -> Self {
        let middle = |of: fn(&Self) -> f64| {
            let mut times: Vec<f64> = rounds.iter().map(of).collect();
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        };
        Self {
            rows: rounds[0].rows,
            wall_secs: middle(|spent| spent.wall_secs),
            cpu_secs: middle(|spent| spent.cpu_secs),
        }
    }

    fn fields(&self) -> [String; 3] {
        [
            self.rows.to_string(),
            self.wall_secs.to_string(),
            self.cpu_secs.to_string(),
        ]
    }
}

/// Whether everything is to run once, on little.
pub fn quick() -> bool {
    std::env::var_os("MUSTER_BENCH_QUICK").is_some_and(|quick| quick == "1")
}

/// How many rounds to take the median of: `wanted`, or one.
pub fn rounds(wanted: usize) -> usize {
    if quick() { 1 } else { wanted }
}

/// How many rows to work on: `wanted`, or little.
pub fn rows(wanted: usize) -> usize {
    if quick() { wanted.min(20_000) } else { wanted }
}

/// Measures ours and the peer's in turn, so that both meet the same machine, and tells the medians.
pub fn compare(
    stage: &str,
    what: &str,
    peer: &str,
    wanted: usize,
    ours: impl FnMut() -> Spent,
    theirs: impl FnMut() -> Spent,
) {
    let (mut ours, mut theirs) = (ours, theirs);
    let (ours, theirs): (Vec<_>, Vec<_>) = (0..rounds(wanted)).map(|_| (ours(), theirs())).unzip();
    tell(stage, what, Spent::median(&ours), Some((peer, Spent::median(&theirs))));
}

/// Tells a figure.
#[expect(clippy::print_stdout, reason = "figures are a bench's output")]
pub fn tell(stage: &str, what: &str, ours: Spent, peer: Option<(&str, Spent)>) {
    let rates = |spent: Spent| {
        let (rows, micros) = (spent.rows as f64, 1e6 * spent.cpu_secs / spent.rows as f64);
        let (a_second, a_cpu_second) = (rows / spent.wall_secs / 1e6, rows / spent.cpu_secs / 1e6);
        // A part of a whole has no time of its own.
        if spent.wall_secs == 0.0 {
            format!("{micros:.3} us of CPU a row")
        } else {
            format!("{a_second:.3} M rows/s, {a_cpu_second:.3} M a CPU second, {micros:.3} us of CPU a row")
        }
    };
    println!("{stage}, {what}: {}", rates(ours));
    if let Some((name, theirs)) = peer {
        println!("    {name}: {}", rates(theirs));
    }
    let Some(file) = std::env::var_os("MUSTER_BENCH_FIGURES") else {
        return;
    };
    let mut line = vec![stage.to_owned(), what.to_owned()];
    line.extend(ours.fields());
    if let Some((name, theirs)) = peer {
        line.push(name.to_owned());
        line.extend(theirs.fields());
    }
    let file = std::fs::OpenOptions::new().create(true).append(true).open(file);
    let mut file = file.expect("the file of figures opens");
    writeln!(file, "{}", line.join("\t")).expect("the file of figures takes a line");
}
