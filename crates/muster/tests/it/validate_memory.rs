//! `validate`'s memory: it does not grow with the file where no keys are kept.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use crate::program::muster;
use crate::validate::project;

/// What a run may take more than one on a tenth of the rows. Buffers of a row group a file are full in both; what is
/// left is what the allocator does not give back.
const GROWTH_KIB_MAX: u64 = 24 << 10;

/// A process' largest resident memory so far, in KiB; `None` when it has ended.
fn peak_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Feeds the rows `times` times and gives the largest memory that was seen.
fn peak_of(header: &[u8], rows: &[u8], times: usize, folder: &std::path::Path) -> u64 {
    let mut command = muster();
    command
        .args(["validate", "-", "--contract", "hr.candidate", "--format", "json"])
        .arg("--project")
        .arg(folder);
    command.arg("--out").arg(folder.join("out"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let process = child.id();
    let watching = std::thread::spawn(move || {
        let mut peak = 0;
        while let Some(now) = peak_kib(process) {
            peak = peak.max(now);
            std::thread::sleep(Duration::from_millis(2));
        }
        peak
    });
    input.write_all(header).unwrap();
    for _ in 0..times {
        input.write_all(rows).unwrap();
    }
    drop(input);
    let ended = child.wait_with_output().unwrap();
    let shown: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    let fed = rows.iter().filter(|byte| **byte == b'\n').count() * times;
    assert_eq!(shown["rows"], fed, "every row was judged");
    assert!(shown["bad"].as_u64() > Some(0) && shown["good"].as_u64() > Some(0));
    watching.join().unwrap()
}

#[test]
fn memory_does_not_grow_with_the_file_where_no_keys_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let schemas = folder.path().join("schemas");
    std::fs::create_dir(&schemas).unwrap();
    let shipped = project().join("schemas");
    std::fs::copy(shipped.join("hr.candidate.avsc"), schemas.join("hr.candidate.avsc")).unwrap();
    let contract = std::fs::read_to_string(shipped.join("hr.candidate.contract.yaml")).unwrap();
    let mut keyless: String = contract
        .lines()
        .filter(|line| !line.contains("unique:"))
        .map(|line| format!("{line}\n"))
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
    let small = peak_of(header, rows, 1, folder.path());
    let large = peak_of(header, rows, 10, folder.path());
    assert!(
        large < small + GROWTH_KIB_MAX,
        "{large} KiB for ten times the rows, {small} KiB for the rows once"
    );
}
