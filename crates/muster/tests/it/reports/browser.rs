//! Reports and a table's profile in a real Chromium, from files and over HTTP: `tests/reports/look.mjs` says what is
//! looked at.

use std::process::Command;

use super::{CONTRACT, Reported};
use crate::program::{Program, muster, run};
use crate::validate::project;
use crate::world::without;

pub fn it_is_looked_at(world: &Reported, served: &Program) {
    let there = |program: &str| {
        Command::new(program)
            .arg("--version")
            .output()
            .is_ok_and(|ran| ran.status.success())
    };
    let browser = std::env::var("CHROMIUM").unwrap_or_else(|_| "chromium".to_owned());
    if !there(&browser) || !there("npm") {
        let required = std::env::var_os("MUSTER_REQUIRE_BROWSER").is_some_and(|required| required == "1");
        assert!(!required, "`{browser}` and `npm` are required");
        return without("chromium and npm");
    }
    let check = project().join("tests/reports/check.sh");
    let look = |pages: &[String]| {
        let looked = Command::new(&check).args(pages).output().unwrap();
        let said = [&looked.stdout[..], &looked.stderr[..]]
            .map(String::from_utf8_lossy)
            .concat();
        (looked.status.success(), said)
    };
    let file = world.project.path().join("validated/report.html").display().to_string();
    let list = format!("http://{}/reports/", served.address());
    let day = format!("{list}{CONTRACT}/{}", world.day);
    let profile = world.project.path().join("profile.html").display().to_string();
    let sample = project().join("raw-data/hr.candidate/sample.csv");
    let mut profiled = muster();
    profiled
        .args(["profile", "--label", "target", "--out", &profile])
        .arg(sample);
    run(profiled).with_code(0);
    let (is_fine, said) = look(&[file, day, list, profile]);
    assert!(is_fine && said.contains("4 pages, 0 findings"), "{said}");
    // What a page must not be is found.
    let wrong = world.project.path().join("wrong.html");
    let page =
        "<!doctype html><title>x</title><img src=\"http://127.0.0.1:9/x.png\"><p style=\"color: #ddd\">faint</p>";
    std::fs::write(&wrong, page).unwrap();
    let (is_fine, said) = look(&[wrong.display().to_string()]);
    assert!(!is_fine);
    for finding in [
        "asked for http://127.0.0.1:9/x.png",
        "axe: color-contrast",
        "axe: image-alt",
        "skip link",
        "nothing was blocked",
    ] {
        assert!(said.contains(finding), "{finding} is not in {said}");
    }
}
