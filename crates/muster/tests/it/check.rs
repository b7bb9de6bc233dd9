//! `check` on a project whose every file but one is wrong: each problem has its place and says what is meant.
//!
//! `MUSTER_REWRITE_SCENARIOS=1` writes `check/expected.txt` anew, to be looked at before it is kept.

use std::path::Path;

use crate::program::{muster, run};

#[test]
fn every_problem_of_a_project_is_told_at_its_place_with_what_is_meant() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/check");
    let mut command = muster();
    command.args(["check", "--project"]).arg(&project);
    let told = run(command).with_code(1).output;
    let expected = project.join("expected.txt");
    if std::env::var_os("MUSTER_REWRITE_SCENARIOS").is_some() {
        std::fs::write(&expected, &told).unwrap();
    }
    assert_eq!(told, std::fs::read_to_string(&expected).unwrap_or_default());
    for line in told
        .lines()
        .filter(|line| line.contains(".sql:") || line.contains(".yaml:"))
    {
        let place: Vec<&str> = line.split(':').skip(1).take(2).collect();
        let known = |part: &&str| part.parse::<u32>().is_ok_and(|number| number > 0);
        assert!(place.iter().all(known), "no place: {line}");
    }
}
