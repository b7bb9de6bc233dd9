//! How files look: module headers, length, names, and words that must not be there.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::{none, root};

const LINES_MAX: usize = 500;

/// The only files with the keyword: each wraps a C interface.
const FFI: &[&str] = &["crates/model/src/ffi.rs", "crates/stream/src/ffi.rs"];

/// Names that say nothing about what is inside; a helper lives with the noun it helps.
const EMPTY_NAMES: &[&str] = &[
    "common",
    "helper",
    "helpers",
    "manager",
    "misc",
    "shared_utils",
    "util",
    "utilities",
    "utils",
];

/// Crates that read no clock, environment, network or file, and the ways to one. A list of words in the code, because a
/// path in `std` needs no dependency.
const PURE: &[&str] = &[
    "crates/spec/src/",
    "crates/batch/src/",
    "crates/expr/src/",
    "crates/contract/src/",
    "crates/profile/src/",
];
const IMPURE: &[&str] = &[
    "SystemTime",
    "Instant::now",
    "Utc::now",
    "Local::now",
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "File::open",
    "std::thread::sleep",
    "env::var",
    "fs::read",
    "thread_rng",
];

/// Where the process's environment is read; everything else gets its settings as values.
const READS_ENVIRONMENT: &[&str] = &["crates/muster/", "crates/sandbox/", "tests/"];

// Put together here, so that this file does not hold them itself.
const KEYWORD: &str = concat!("un", "safe");
const IGNORED: &str = concat!("#[", "ignore");
const ALLOWED: [&str; 2] = [concat!("#[", "allow("), concat!("#![", "allow(")];
const ENVIRONMENT: [&str; 2] = [concat!("env::", "var"), concat!("env::", "args")];
const OUTSIDE: &str = concat!("..", "/shared");

struct Source {
    /// Relative to the root, with `/`.
    path: String,
    text: String,
}

/// Every text file of the repository that git tracks or would track.
fn sources() -> &'static Vec<Source> {
    static SOURCES: OnceLock<Vec<Source>> = OnceLock::new();
    SOURCES.get_or_init(|| {
        let mut command = Command::new("git");
        // The clone may belong to another user than the one that runs the tests.
        command.args([
            "-c",
            "safe.directory=*",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]);
        let output = command.current_dir(root()).output().expect("git runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let listed = String::from_utf8(output.stdout).expect("file names are UTF-8");
        let paths = listed.split('\0').filter(|path| !path.is_empty());
        let read = |path: &str| {
            let text = std::fs::read_to_string(root().join(path)).ok()?; // no text, or deleted and not yet committed
            Some(Source {
                path: path.to_owned(),
                text,
            })
        };
        paths.filter_map(read).collect()
    })
}

fn rust_sources() -> impl Iterator<Item = &'static Source> {
    sources().iter().filter(|source| {
        Path::new(&source.path)
            .extension()
            .is_some_and(|extension| extension == "rs")
    })
}

/// The lines of code of a file with their numbers from 1; comments are cut off.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default()))
}

fn has_word(line: &str, word: &str) -> bool {
    let part_of_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(part_of_name) && !line[at + word.len()..].starts_with(part_of_name))
}

#[test]
fn there_are_sources_to_look_at() {
    assert!(
        rust_sources().count() > 50,
        "only {} Rust files were found",
        rust_sources().count()
    );
}

#[test]
fn every_module_says_what_it_is() {
    let bare = rust_sources().filter(|source| !source.text.starts_with("//! "));
    let findings: Vec<String> = bare.map(|source| source.path.clone()).collect();
    none(
        &findings,
        "a module that does not open with `//!`: what it is, who calls it, what must stay true",
    );
}

#[test]
fn no_file_is_too_long_to_read() {
    let long = rust_sources()
        .map(|source| (source, source.text.lines().count()))
        .filter(|(_, lines)| *lines >= LINES_MAX);
    let findings: Vec<String> = long
        .map(|(source, lines)| format!("{}: {lines} lines", source.path))
        .collect();
    none(&findings, "a file of 500 lines or more");
}

#[test]
fn the_c_interfaces_are_wrapped_in_two_files() {
    let mut findings = Vec::new();
    for source in rust_sources().filter(|source| !FFI.contains(&source.path.as_str())) {
        let lines = code(&source.text).filter(|(_, line)| has_word(line, KEYWORD));
        findings.extend(lines.map(|(number, _)| format!("{}:{number}", source.path)));
    }
    none(&findings, "a raw block outside the two wrappers of C interfaces");
}

#[test]
fn a_name_says_what_is_inside() {
    let empty = |part: &str| EMPTY_NAMES.contains(&part.strip_suffix(".rs").unwrap_or(part));
    let mut findings: Vec<String> = rust_sources()
        .filter(|source| source.path.split('/').any(empty))
        .map(|source| source.path.clone())
        .collect();
    for source in rust_sources() {
        for (number, line) in code(&source.text) {
            let name = line
                .trim_start()
                .trim_start_matches("pub(crate) ")
                .trim_start_matches("pub ");
            let name = name
                .strip_prefix("mod ")
                .map(|rest| rest.trim_end_matches([';', '{', ' ']));
            if name.is_some_and(empty) {
                findings.push(format!("{}:{number}", source.path));
            }
        }
    }
    none(&findings, "a module named after nothing");
}

#[test]
fn judging_reads_no_clock_file_or_environment() {
    let mut findings = Vec::new();
    let pure = rust_sources().filter(|source| PURE.iter().any(|folder| source.path.starts_with(folder)));
    let of_tests = |path: &str| path.ends_with("_tests.rs") || path.contains("/test_");
    for source in pure.filter(|source| !of_tests(&source.path)) {
        for (number, line) in code(&source.text) {
            for word in IMPURE.iter().filter(|word| line.contains(**word)) {
                findings.push(format!("{}:{number}: `{word}`", source.path));
            }
        }
    }
    none(&findings, "a crate that must know no clock, network or environment");
}

#[test]
fn only_the_binary_and_the_sandbox_read_the_environment() {
    let mut findings = Vec::new();
    let is_test = |path: &str| path.contains("/tests/") || path.contains("/benches/") || path.ends_with("_tests.rs");
    let reads = |path: &str| READS_ENVIRONMENT.iter().any(|folder| path.starts_with(folder)) || is_test(path);
    for source in rust_sources().filter(|source| !reads(&source.path)) {
        let lines = code(&source.text).filter(|(_, line)| ENVIRONMENT.iter().any(|word| line.contains(word)));
        findings.extend(lines.map(|(number, _)| format!("{}:{number}", source.path)));
    }
    none(&findings, "a setting that does not come from the command line");
}

#[test]
fn a_lint_is_silenced_with_a_reason() {
    let mut findings = Vec::new();
    for source in rust_sources() {
        let lines = code(&source.text).filter(|(_, line)| ALLOWED.iter().any(|word| line.contains(word)));
        findings.extend(lines.map(|(number, _)| format!("{}:{number}", source.path)));
    }
    none(
        &findings,
        "a lint that is allowed; `expect` with a reason ends when it is no longer needed",
    );
}

#[test]
fn no_test_is_switched_off() {
    let mut findings = Vec::new();
    for source in rust_sources() {
        let lines = code(&source.text).filter(|(_, line)| line.contains(IGNORED));
        findings.extend(lines.map(|(number, _)| format!("{}:{number}", source.path)));
    }
    none(&findings, "a test that does not run");
}

#[test]
fn nothing_outside_the_repository_is_named_but_by_ci() {
    let named = sources()
        .iter()
        .filter(|source| source.path != ".ci/run" && source.text.contains(OUTSIDE));
    let findings: Vec<String> = named.map(|source| source.path.clone()).collect();
    none(&findings, "a path outside the repository");
}

#[test]
fn words_are_found_as_words() {
    for (line, found) in [
        ("let a = try_fly();", false),
        ("fly {", true),
        ("deny(fly_code)", false),
        ("(fly)", true),
    ] {
        assert_eq!(has_word(line, "fly"), found, "{line}");
    }
}
