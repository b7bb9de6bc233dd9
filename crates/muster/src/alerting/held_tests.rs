//! Tests of the file beside this one.

use super::*;

fn target(url: &str, secret: &str) -> AlertTarget {
    let yaml = format!("version: 1\nkind: webhook\nurl: {url}\nsecrets: [{secret}]\n");
    muster_spec::read::target("t", "alerts/t.yaml", &yaml).unwrap()
}

#[test]
fn what_is_missing_is_named_and_what_is_held_is_not() {
    let project = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(project.path().join(name), text).unwrap();
    write("url", "https://hooks.example/geheim\n");
    write("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n");
    write("broken", "whsec_geheim");
    write("empty", " \n");
    let read = |url: &str, secret: &str| address(&target(url, secret), project.path());
    assert!(read("{ file: url }", "{ file: secret }").is_ok());
    for (url, secret, word) in [
        (
            "{ env: MUSTER_NO_SUCH_VARIABLE }",
            "{ file: secret }",
            "`MUSTER_NO_SUCH_VARIABLE` is not set",
        ),
        ("{ file: nowhere }", "{ file: secret }", "`nowhere` cannot be read"),
        ("{ file: empty }", "{ file: secret }", "`empty` is empty"),
        ("{ file: secret }", "{ file: secret }", "no URL"),
        ("{ file: url }", "{ file: broken }", "`whsec_`"),
    ] {
        let error = read(url, secret).unwrap_err();
        assert!(error.contains(word), "{error}");
        assert!(!error.contains("geheim") && !error.contains("MfKQ"), "{error}");
    }
}
