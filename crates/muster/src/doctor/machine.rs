//! This machine: versions, and the limits that the system sets.

use std::path::Path;

use super::project::size;
use super::{Line, Lines};

/// Open files below which a worker with some partitions comes to its end, and below which it does not start.
const FILES_WARN: u64 = 4_096;
const FILES_FAIL: u64 = 256;

/// Bytes of memory below which batches of the usual size are too large, and below which nothing works.
const MEMORY_WARN: u64 = 1 << 30;
const MEMORY_FAIL: u64 = 256 << 20;

/// What was built into this program.
pub fn versions() -> Vec<Line> {
    let mut lines = Lines::of("versions");
    lines.ok(
        "muster",
        format!(
            "{}, ledger version {}",
            env!("CARGO_PKG_VERSION"),
            muster_store::ledger::migrate::version_expected()
        ),
    );
    lines.ok("librdkafka", muster_stream::library_version());
    lines.done()
}

/// Open files, memory and processors.
pub fn limits() -> Vec<Line> {
    let mut lines = Lines::of("limits");
    files(&mut lines);
    match memory() {
        Some(free) => {
            let found = format!("{} to be had", size(free));
            let todo = "give the process more memory, or seal smaller batches: --seal-rows, --seal-bytes";
            match free {
                0..MEMORY_FAIL => lines.fail("memory", found, todo),
                MEMORY_FAIL..MEMORY_WARN => lines.warn("memory", found, todo),
                _ => lines.ok("memory", found),
            }
        }
        None => lines.warn("memory", "how much is free cannot be told", "look with `free`"),
    }
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    lines.ok("processors", processors.to_string());
    lines.done()
}

fn files(lines: &mut Lines) {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let todo = "raise it: `ulimit -n 65536` in a shell, `LimitNOFILE=65536` in a systemd unit";
    match open_files(&limits) {
        Some(files) => {
            let found = format!("{files} at most");
            match files {
                0..FILES_FAIL => lines.fail("open files", found, todo),
                FILES_FAIL..FILES_WARN => lines.warn("open files", found, todo),
                _ => lines.ok("open files", found),
            }
        }
        None => lines.ok("open files", "without limit"),
    }
}

/// How many files the process may have open by `/proc/self/limits`; `None` where that is not limited.
fn open_files(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Bytes of memory that this process may still have: the machine's, or what is left of its control group's.
fn memory() -> Option<u64> {
    let machine = available(&std::fs::read_to_string("/proc/meminfo").ok()?)?;
    let group = Path::new("/sys/fs/cgroup");
    let number = |name: &str| {
        std::fs::read_to_string(group.join(name))
            .ok()?
            .trim()
            .parse::<u64>()
            .ok()
    };
    let left = number("memory.max").zip(number("memory.current"));
    Some(left.map_or(machine, |(most, used)| machine.min(most.saturating_sub(used))))
}

/// What `/proc/meminfo` says is available, in bytes.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
