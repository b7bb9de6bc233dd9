//! What is left when the process that started a server is killed: a test's server goes with it, a project's cluster that
//! somebody else has joined stays.
//!
//! The process to be killed is this test program once more, told by a variable to hold a server and wait.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use muster_sandbox::Private;
use muster_sandbox::kafka::own_broker_for_tests;
use muster_sandbox::postgres::Temporary;

const HOLD: &str = "MUSTER_SANDBOX_HOLD";

/// Not a test of its own: with [`HOLD`] set it starts what that names, says where it is, and waits to be killed.
#[test]
fn hold() {
    let Some(what) = std::env::var_os(HOLD) else { return };
    let what = what.into_string().unwrap();
    let (server, mark): (Box<dyn std::any::Any>, String) = match what.as_str() {
        "postgres" => {
            let server = Temporary::start().unwrap();
            let pid = server.pid().unwrap();
            (Box::new(server), format!("{pid} /proc/{pid}/cwd"))
        }
        "kafka" => {
            let server = own_broker_for_tests().unwrap();
            let mark = format!("{} {}", server.pid().unwrap(), server.log_file().display());
            (Box::new(server), mark)
        }
        project => (
            Box::new(Private::start_or_join(Path::new(project)).unwrap()),
            "0 /".to_owned(),
        ),
    };
    println!("\nholding {mark}");
    thread::sleep(Duration::from_mins(2));
    drop(server);
}

/// Starts a holder and waits until it holds; gives it with the server's process id and a file that goes with it.
fn holder(what: &str) -> (Child, u32, PathBuf) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["killed::hold", "--exact", "--nocapture"])
        .env(HOLD, what)
        .stdout(Stdio::piped());
    let mut holder = command.spawn().unwrap();
    for line in BufReader::new(holder.stdout.take().unwrap()).lines() {
        if let Some(mark) = line.unwrap().strip_prefix("holding ") {
            let (pid, file) = mark.split_once(' ').unwrap();
            return (holder, pid.parse().unwrap(), PathBuf::from(file));
        }
    }
    panic!("the holder of {what} ended: {}", holder.wait().unwrap());
}

fn is_gone(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z")
}

#[test]
fn a_killed_test_leaves_no_server() {
    for what in ["postgres", "kafka"] {
        if what == "kafka" && own_broker_for_tests().is_none() {
            continue;
        }
        let (mut holder, pid, file) = holder(what);
        assert!(!is_gone(pid), "{what} runs");
        holder.kill().unwrap();
        holder.wait().unwrap();
        let killed = Instant::now();
        while !is_gone(pid) || file.exists() {
            assert!(killed.elapsed() < Duration::from_secs(20), "{what} outlived its test");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_killed_starter_leaves_the_cluster_to_those_who_joined() {
    use std::os::unix::fs::PermissionsExt;
    let project = tempfile::tempdir().unwrap();
    std::fs::set_permissions(project.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let (mut starter, _, _) = holder(project.path().to_str().unwrap());
    let joined = Private::start_or_join(project.path()).unwrap();
    starter.kill().unwrap();
    starter.wait().unwrap();
    let asked = Command::new(joined.psql())
        .args(["-X", "-d", joined.url(), "-c", "select 1"])
        .output()
        .unwrap();
    assert!(asked.status.success(), "{}", String::from_utf8_lossy(&asked.stderr));

    let pid_file = joined.data_folder().join("postmaster.pid");
    drop(joined);
    assert!(
        !pid_file.exists(),
        "the killed starter's lock is gone: the last one out stopped the server"
    );
}
