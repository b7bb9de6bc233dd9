//! One request at a time: what goes out, and what every kind of answer means.

use std::time::Duration;

use muster_registry::{Error, Options, Registry, Retry};
use muster_spec::SchemaId;

use crate::script::{Script, Step, answer};

const UNKNOWN: &str = r#"{"error_code":40403,"message":"Schema not found"}"#;

#[tokio::test]
async fn a_schema_is_asked_for_below_the_path_and_with_the_password() {
    let script = Script::play([answer(200, r#"{"schema":"\"int\"","references":[],"later":1}"#)]).await;
    let registry = script.registry();
    assert_eq!(registry.schema(SchemaId(7)).await.unwrap().as_deref(), Some("\"int\""));
    let asked = script.asked().remove(0).to_lowercase();
    assert!(asked.starts_with("get /apis/v7/schemas/ids/7 http/1.1\r\n"), "{asked}");
    assert!(asked.contains("authorization: basic dxnlcjpzzwnyzxq="), "{asked}");
}

#[tokio::test]
async fn a_schema_is_registered_under_its_subject() {
    let script = Script::play([answer(200, r#"{"id":12}"#), answer(201, r#"{"id":13,"version":2}"#)]).await;
    let registry = script.registry();
    assert_eq!(
        registry.register("a/b-value", "{\"type\":\"int\"}").await.unwrap(),
        SchemaId(12)
    );
    assert_eq!(registry.register("t-value", "\"int\"").await.unwrap(), SchemaId(13));
    let asked = script.asked();
    assert!(
        asked[0].starts_with("POST /apis/v7/subjects/a%2Fb-value/versions HTTP/1.1\r\n"),
        "{}",
        asked[0]
    );
    assert!(
        asked[0].ends_with("\r\n\r\n{\"schema\":\"{\\\"type\\\":\\\"int\\\"}\"}"),
        "{}",
        asked[0]
    );
}

#[tokio::test]
async fn nothing_but_the_registrys_own_word_means_that_there_is_no_schema() {
    let table = [
        (answer(404, UNKNOWN), None),
        (answer(404, "<html>not here</html>"), Some("outage")),
        (
            answer(404, r#"{"error_code":404,"message":"HTTP 404 Not Found"}"#),
            Some("outage"),
        ),
        (
            answer(404, r#"{"error_code":40401,"message":"Subject not found"}"#),
            Some("outage"),
        ),
        (answer(404, ""), Some("outage")),
        (answer(500, UNKNOWN), Some("outage")),
        (answer(502, "<html>bad gateway</html>"), Some("outage")),
        (answer(503, ""), Some("outage")),
        (answer(401, ""), Some("outage")),
        (
            answer(403, r#"{"error_code":403,"message":"Forbidden"}"#),
            Some("outage"),
        ),
        (answer(429, ""), Some("outage")),
        (answer(400, "bad"), Some("outage")),
        (answer(204, ""), Some("outage")),
        (answer(200, ""), Some("garbled")),
        (answer(200, "<html>log in</html>"), Some("garbled")),
        (answer(200, r#"{"id":1}"#), Some("garbled")),
        (answer(200, UNKNOWN), Some("garbled")),
        (Step::Cut, Some("silent")),
        (Step::Close, Some("silent")),
        (Step::Hang, Some("silent")),
    ];
    for (step, code) in table {
        // A client tries a closed connection again once by itself, where it was an old one.
        let script = Script::play([step.clone(), step.clone()]).await;
        match (script.registry().schema(SchemaId(7)).await, code) {
            (Ok(None), None) => {}
            (Err(error), Some(code)) => {
                assert_eq!(error.code(), code, "{step:?}: {error}");
                assert_eq!(error.retry(), Retry::Backoff, "{step:?}: {error}");
                assert!(!error.to_string().contains("secret"), "{error}");
            }
            (other, _) => panic!("{step:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_registry_that_asks_us_to_wait_is_not_asked_before() {
    let step = Step::Answer {
        status: 429,
        headers: "retry-after: 7\r\n",
        body: String::new(),
    };
    let script = Script::play([step]).await;
    let error = script.registry().schema(SchemaId(7)).await.unwrap_err();
    assert_eq!(error.retry(), Retry::After(Duration::from_secs(7)));
}

#[tokio::test]
async fn a_schema_that_is_refused_is_not_sent_again() {
    let steps = [
        answer(409, r#"{"error_code":409,"message":"Incompatible\n schema"}"#),
        answer(422, r#"{"error_code":42201,"message":"Invalid Avro"}"#),
        answer(500, r#"{"error_code":50001,"message":"x"}"#),
    ];
    let script = Script::play(steps).await;
    let registry = script.registry();
    for told in ["409: Incompatible schema", "422: Invalid Avro"] {
        let error = registry.register("t-value", "{}").await.unwrap_err();
        assert_eq!(error.retry(), Retry::Never);
        assert_eq!(
            error.to_string(),
            format!("the registry refused the schema of `t-value` with {told}")
        );
    }
    assert_eq!(
        registry.register("t-value", "{}").await.unwrap_err().retry(),
        Retry::Backoff
    );
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_an_outage() {
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let registry = Registry::new(&Options::new(&format!("http://{free}"))).unwrap();
    let error = registry.schema(SchemaId(1)).await.unwrap_err();
    assert!(matches!(error, Error::Silent { .. }), "{error}");
    assert_eq!(error.retry(), Retry::Backoff);
    assert!(error.to_string().contains(&free.to_string()), "{error}");
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let script = Script::play([answer(200, &"x".repeat(17 << 20))]).await;
    let mut options = Options::new(&format!("http://{}", script.registry().host()));
    options.timeout = Duration::from_secs(20);
    let error = Registry::new(&options).unwrap().schema(SchemaId(1)).await.unwrap_err();
    assert_eq!(error.code(), "garbled", "{error}");
}
