//! Named points where a test can stop or end the process, to prove that nothing is lost or doubled there.
//!
//! Reached by ingest, scoring, repair, housekeeping and `init` between their steps. Without the feature `failpoints` reaching one is
//! nothing at all; with it, `FAILPOINTS="commit=return(kill)"` in the environment ends the process there as `kill -9` would.

/// The steps of a batch, of its dead letters, of a claim, of a repair, of housekeeping and of a new project's files, in
/// their order.
pub const NAMES: [&str; 32] = [
    "receive",
    "decode",
    "judge",
    "seal.write",
    "seal.sync",
    "seal.check",
    "seal.rename",
    "seal.sync_folders",
    "commit",
    "committed",
    "hint",
    "dead_letters.publish",
    "dead_letters.published",
    "dead_letters.advanced",
    "claim",
    "compute",
    "score",
    "predict",
    "predicted",
    "repair.judge",
    "repair.commit",
    "repair.committed",
    "compact.take",
    "compact.commit",
    "compact.committed",
    "retain.commit",
    "retain.committed",
    "delete.files",
    "delete.note",
    "init.write",
    "init.sync",
    "init.rename",
];

/// Reads `FAILPOINTS` from the environment; called once by `main`.
pub fn start() {
    #[cfg(feature = "failpoints")]
    {
        let scenario = fail::FailScenario::setup();
        // The points hold for the life of the process: the scenario must not be torn down.
        std::mem::forget(scenario);
    }
}

/// Reaches a point.
pub fn reach(name: &'static str) {
    debug_assert!(NAMES.contains(&name), "every point is listed");
    fail::fail_point!(name, |action| {
        if action.as_deref() == Some("kill") {
            kill();
        }
    });
}

/// Reached before a screen is drawn, for `FAILPOINTS="top.draw=panic"`: a bug must give the terminal back too.
pub fn draw() {
    fail::fail_point!("top.draw");
}

#[cfg(feature = "failpoints")]
fn kill() {
    let own = std::process::id().to_string();
    // The shell's own `kill`: a bare system has no program of that name.
    let _ = std::process::Command::new("/bin/sh")
        .args(["-c", "kill -9 \"$0\"", &own])
        .status();
    std::process::abort();
}
