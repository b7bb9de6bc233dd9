//! `validate`'s memory: small, and it does not grow with the file where no keys are kept.

use std::io::Write;
use std::process::Stdio;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::program::muster;
use crate::validate::project;

/// What a run may take more than one on a tenth of the rows. Buffers of a row group a file are full in both; what is
/// left is what the allocator does not give back.
pub const GROWTH_KIB_MAX: u64 = 24 << 10;

/// What a run may take of its own: all but the program's pages, which the system shares and can drop.
const OWN_KIB_MAX: u64 = 64 << 10;

/// A process' memory, in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// The most that was ever resident, the program's own pages included.
    pub peak: u64,
    /// What is resident now and of no file.
    pub own: u64,
}

/// A process' memory now; `None` when it has ended.
fn memory(process: u32) -> Option<Memory> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kib = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    };
    Some(Memory {
        peak: kib("VmHWM:")?,
        own: kib("RssAnon:")?,
    })
}

/// Watches a process until it ends, for the most memory it has.
pub fn watch(process: u32) -> JoinHandle<Memory> {
    std::thread::spawn(move || {
        let mut most = Memory::default();
        while let Some(now) = memory(process) {
            most.peak = most.peak.max(now.peak);
            most.own = most.own.max(now.own);
            std::thread::sleep(Duration::from_millis(2));
        }
        most
    })
}

/// Feeds the rows `times` times and gives the most memory that was seen.
fn most_of(header: &[u8], rows: &[u8], times: usize, folder: &std::path::Path) -> Memory {
    let mut command = muster();
    command
        .args(["validate", "-", "--contract", "hr.candidate", "--format", "json"])
        .arg("--project")
        .arg(folder);
    command.arg("--out").arg(folder.join("out"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let watching = watch(child.id());
    input.write_all(header).unwrap();
    for _ in 0..times {
        input.write_all(rows).unwrap();
    }
    drop(input);
    let ended = child.wait_with_output().unwrap();
    let shown: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    let fed = String::from_utf8_lossy(rows).matches('\n').count() * times;
    assert_eq!(shown["rows"], fed, "every row was judged");
    assert!(shown["bad"].as_u64() > Some(0) && shown["good"].as_u64() > Some(0));
    watching.join().unwrap()
}

#[test]
fn memory_is_small_and_does_not_grow_with_the_file_where_no_keys_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let schemas = folder.path().join("schemas");
    std::fs::create_dir(&schemas).unwrap();
    let shipped = project().join("schemas");
    std::fs::copy(shipped.join("hr.candidate.avsc"), schemas.join("hr.candidate.avsc")).unwrap();
    let contract = std::fs::read_to_string(shipped.join("hr.candidate.contract.yaml")).unwrap();
    let mut keyless: String = contract
        .split_inclusive('\n')
        .filter(|line| !line.contains("unique:"))
        .collect();
    assert_ne!(keyless, contract, "the shipped contract has a unique rule");
    keyless.truncate(keyless.find("\ntests:").unwrap_or(keyless.len()));
    std::fs::write(schemas.join("hr.candidate.contract.yaml"), keyless).unwrap();

    let mut command = muster();
    command.args([
        "generate",
        "hr.candidate",
        "--rows",
        "100000",
        "--faults",
        "0.2",
        "--out",
    ]);
    crate::program::run({
        command.arg(folder.path());
        command
    })
    .with_code(0);
    let file = std::fs::read(folder.path().join("hr.candidate.csv")).unwrap();
    let after_header = file.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let (header, rows) = file.split_at(after_header);
    let once = most_of(header, rows, 1, folder.path());
    let ten_times = most_of(header, rows, 10, folder.path());
    assert!(
        ten_times.peak < once.peak + GROWTH_KIB_MAX,
        "{ten_times:?} for ten times the rows, {once:?} for the rows once"
    );
    assert!(ten_times.own < OWN_KIB_MAX, "{ten_times:?}");
}
