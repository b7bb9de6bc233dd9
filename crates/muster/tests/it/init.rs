//! `init` itself: what it leaves where it dies or fails, what it takes over, and what it says of odd files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::first_contact::{command, init};
use crate::program::{Program, muster, run};
use crate::scenarios::scenarios;

/// Where `init` may die.
pub const INIT_POINTS: [&str; 3] = ["init.write", "init.sync", "init.rename"];

/// Every file of a project by its path, without what a command beside it left.
fn files_of(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(inner).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                files.insert(path.strip_prefix(folder).unwrap().to_owned(), bytes);
            }
        }
    }
    files
}

#[test]
fn an_init_that_was_killed_leaves_a_sound_project_or_none_and_can_be_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let table = scenarios().join("label_says_yes_or_no/table.csv");
    let whole = folder.path().join("whole");
    init(&whole, &table, &[]).with_code(0);
    let due = files_of(&whole);
    assert_eq!(due.len(), 5, "{:?}", due.keys());
    for point in INIT_POINTS {
        for file in 0..due.len() {
            let project = folder.path().join(format!("{point}-{file}"));
            let mut killed = command(&project, &["init"]);
            killed.arg("--from").arg(&table);
            killed.env("FAILPOINTS", format!("{point}={file}*off->return(kill)"));
            run(killed).killed();
            let left = files_of(&project);
            let is_whole = |(path, bytes): (&PathBuf, &Vec<u8>)| {
                path.to_string_lossy().ends_with(".unfinished") || due.get(path) == Some(bytes)
            };
            assert!(left.iter().all(is_whole), "{point} {file}: {:?}", left.keys());
            if left.contains_key(Path::new("schemas/table.contract.yaml")) {
                run(command(&project, &["check"])).with_code(0);
            } else {
                assert!(!left.contains_key(Path::new("pipelines/table.yaml")), "{point} {file}");
            }
            let ended = init(&project, &table, &[]).with_code(0);
            assert_eq!(files_of(&project), due, "{point} {file}: {}", ended.said);
            run(command(&project, &["check"])).with_code(0);
        }
    }
}

#[test]
fn what_is_there_already_and_is_what_would_be_written_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let table = scenarios().join("label_says_yes_or_no/table.csv");
    let project = folder.path().join("people");
    init(&project, &table, &[]).with_code(0);
    let due = files_of(&project);
    let mut again = muster();
    again
        .args(["init", "--from"])
        .arg(&table)
        .arg("--project")
        .arg(&project);
    let told = run(again).with_code(0).output;
    assert_eq!(told.matches("kept ").count(), due.len(), "{told}");
    assert_eq!(files_of(&project), due);
    // The same name for other rows is refused, whichever file tells.
    let other = folder.path().join("table.csv");
    std::fs::write(&other, "id,left\n1,0\n2,1\n").unwrap();
    let refused = init(&project, &other, &[]).with_code(2);
    assert!(refused.said.contains("nothing is overwritten"), "{}", refused.said);
    assert_eq!(files_of(&project), due);
    // Where a later file cannot be written, the earlier ones are taken away again.
    let blocked = folder.path().join("blocked");
    std::fs::create_dir(&blocked).unwrap();
    std::fs::write(blocked.join("pipelines"), "no folder").unwrap();
    init(&blocked, &table, &[]).with_code(2);
    assert_eq!(
        files_of(&blocked).into_keys().collect::<Vec<_>>(),
        [Path::new("pipelines")]
    );
}

#[test]
fn a_table_from_a_pipe_is_refused_for_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut piped = command(folder.path(), &["init", "--from", "/dev/stdin"]);
    piped
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"id,left\n1,0\n2,1\n");
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(2));
    assert!(said.contains("is no regular file") && said.contains("hint"), "{said}");
    // Nobody writes into this one: it would be waited for.
    let pipe = folder.path().join("pipe.csv");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let ended = Program::start({
        let mut piped = command(folder.path(), &["init"]);
        piped.arg("--from").arg(&pipe);
        piped
    })
    .wait(std::time::Duration::from_mins(1));
    let ended = ended.with_code(2);
    assert!(ended.said.contains("is no regular file"), "{}", ended.said);
}

#[test]
fn a_header_that_speaks_to_the_terminal_or_has_no_end_is_shown_and_not_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("odd.csv");
    let rows: Vec<String> = (0..60)
        .map(|row| format!("{row},{},{},{}\n", row % 7, row % 5, row % 2))
        .collect();
    let rows = rows.concat();
    let long = "x".repeat(5_000);
    std::fs::write(&file, format!("id,\u{1b}[31mred\u{1b}[0m,{long},left\n{rows}")).unwrap();
    let mut profile = muster();
    profile
        .arg("profile")
        .arg(&file)
        .arg("--out")
        .arg(folder.path().join("odd.html"));
    let mut init = muster();
    init.args(["init", "--from"])
        .arg(&file)
        .arg("--project")
        .arg(folder.path().join("odd"));
    for command in [profile, init] {
        let told = run(command).with_code(0).output;
        assert!(told.contains("\\u{1b}[31mred") && !told.contains('\u{1b}'), "{told}");
        let widest = told.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest < 300, "{widest} signs wide");
    }
}

#[test]
fn what_comes_next_is_what_the_project_can_do() {
    let folder = tempfile::tempdir().unwrap();
    for (rows, next) in [(4, "next: muster check"), (40, "next: muster demo --once")] {
        let file = folder.path().join("next.csv");
        let lines: Vec<String> = (0..rows)
            .map(|row| format!("{row},{},{}\n", row % 7, row % 2))
            .collect();
        let text = lines.concat();
        std::fs::write(&file, format!("id,v,left\n{text}")).unwrap();
        let mut init = muster();
        init.args(["init", "--from"]).arg(&file);
        init.arg("--project").arg(folder.path().join(rows.to_string()));
        let told = run(init).with_code(0).output;
        assert!(told.contains(next), "{told}");
    }
}
