//! Clusters are started, joined, left, killed, and placed where their user can go.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use muster_sandbox::Private;
use muster_sandbox::postgres::{Temporary, fresh_database};

fn ask(psql: &Path, url: &str, statement: &str) -> String {
    let output = Command::new(psql)
        .args(["-X", "-q", "-A", "-t", "-d", url, "-c", statement])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{statement}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn psql() -> PathBuf {
    PathBuf::from("psql")
}

fn server_pid(data: &Path) -> Option<u32> {
    std::fs::read_to_string(data.join("postmaster.pid"))
        .ok()?
        .lines()
        .next()?
        .parse()
        .ok()
}

/// A project folder that every user may enter.
fn project() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn as_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

#[test]
fn the_last_one_out_stops_the_cluster_and_its_rows_stay() {
    let project = project();
    let first = Private::start_or_join(project.path()).unwrap();
    let second = Private::start_or_join(project.path()).unwrap();
    assert_eq!(first.url(), second.url());
    assert!(first.data_folder().starts_with(project.path().canonicalize().unwrap()));
    assert_eq!(ask(&first.psql(), first.url(), "show fsync"), "on");
    ask(&first.psql(), first.url(), "create table kept as select 7 as number");

    let data = first.data_folder().to_owned();
    drop(first);
    assert_eq!(ask(&second.psql(), second.url(), "select number from kept"), "7");
    drop(second);
    assert_eq!(server_pid(&data), None, "nobody uses it any more");

    let again = Private::start_or_join(project.path()).unwrap();
    assert_eq!(ask(&again.psql(), again.url(), "select number from kept"), "7");
}

#[test]
fn many_starters_at_once_get_one_server() {
    let project = project();
    let folder = project.path();
    let users: Vec<Private> = thread::scope(|scope| {
        let starters: Vec<_> = (0..6)
            .map(|_| scope.spawn(|| Private::start_or_join(folder).unwrap()))
            .collect();
        starters.into_iter().map(|starter| starter.join().unwrap()).collect()
    });
    let started: Vec<String> = users
        .iter()
        .map(|user| ask(&user.psql(), user.url(), "select pg_postmaster_start_time()"))
        .collect();
    assert!(started.iter().all(|time| *time == started[0]), "{started:?}");
}

#[test]
fn a_killed_cluster_is_started_again_by_the_next_command() {
    let project = project();
    let user = Private::start_or_join(project.path()).unwrap();
    ask(
        &user.psql(),
        user.url(),
        "create table kept as select generate_series(1, 1000) as number",
    );
    let killed = server_pid(user.data_folder()).unwrap();
    let kill = Command::new("/bin/sh")
        .args(["-c", "kill -9 $0", &killed.to_string()])
        .status()
        .unwrap();
    assert!(kill.success());

    let next = Private::start_or_join(project.path()).unwrap();
    assert_eq!(ask(&next.psql(), next.url(), "select count(*) from kept"), "1000");
    drop(user);
    assert_eq!(
        ask(&next.psql(), next.url(), "select count(*) from kept"),
        "1000",
        "the next still uses it"
    );
}

#[test]
fn a_pid_file_of_another_program_does_not_forbid_the_start() {
    let project = project();
    let data = Private::start_or_join(project.path()).unwrap().data_folder().to_owned();
    let left = format!(
        "{}\n{}\n1\n5432\n/tmp/none\n\n1 1\nready\n",
        std::process::id(),
        data.display()
    );
    std::fs::write(data.join("postmaster.pid"), left).unwrap();
    let user = Private::start_or_join(project.path()).unwrap();
    assert_eq!(ask(&user.psql(), user.url(), "select 1"), "1");
}

#[test]
fn a_cluster_whose_socket_was_cleared_away_is_started_again() {
    let project = project();
    let first = Private::start_or_join(project.path()).unwrap();
    ask(&first.psql(), first.url(), "create table kept as select 7 as number");
    let socket_folder = ask(&first.psql(), first.url(), "show unix_socket_directories");
    std::fs::remove_dir_all(&socket_folder).unwrap();
    let next = Private::start_or_join(project.path()).unwrap();
    assert_eq!(ask(&next.psql(), next.url(), "select number from kept"), "7");
}

#[test]
fn a_folder_that_the_servers_user_cannot_enter_points_to_one_that_it_can() {
    if !as_root() {
        return; // only root hands the server to another user
    }
    let closed = tempfile::tempdir().unwrap();
    std::fs::set_permissions(closed.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let project = closed.path().join("project");
    std::fs::create_dir(&project).unwrap();
    let user = Private::start_or_join(&project).unwrap();
    let home = user.data_folder().parent().unwrap().to_owned();
    assert!(!home.starts_with(closed.path()), "{}", home.display());
    assert_eq!(
        std::fs::read_to_string(project.join(".muster/pg-at")).unwrap(),
        home.to_str().unwrap()
    );
    ask(&user.psql(), user.url(), "create table kept as select 7 as number");
    drop(user);

    let again = Private::start_or_join(&project).unwrap();
    assert_eq!(ask(&again.psql(), again.url(), "select number from kept"), "7");
    drop(again);
    std::fs::remove_dir_all(&home).unwrap();
    let said = Private::start_or_join(&project).unwrap_err().to_string();
    assert!(said.contains("pg-at"), "{said}");
}

#[test]
fn a_temporary_cluster_comes_back_after_a_kill_and_is_removed_at_the_end() {
    let mut cluster = Temporary::start().unwrap();
    let url = cluster.create_database("one").unwrap();
    ask(&psql(), &url, "create table kept as select 7 as number");
    cluster.kill().unwrap();
    cluster.restart().unwrap();
    assert_eq!(ask(&psql(), &url, "select number from kept"), "7");
    let socket_folder = ask(&psql(), &url, "show unix_socket_directories");
    assert_eq!(ask(&psql(), &url, "show listen_addresses"), "");
    drop(cluster);
    assert!(!Path::new(&socket_folder).exists());
}

#[test]
fn each_test_gets_an_empty_database() {
    let one = fresh_database("sandbox").unwrap();
    let two = fresh_database("sandbox").unwrap();
    assert_ne!(one, two);
    ask(&psql(), &one, "create table only_here (number int)");
    assert_eq!(
        ask(
            &psql(),
            &two,
            "select count(*) from pg_tables where tablename = 'only_here'"
        ),
        "0"
    );
}
