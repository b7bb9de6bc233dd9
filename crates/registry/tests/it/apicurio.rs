//! The client against a real registry: Apicurio's, by its Confluent-compatible API.
//!
//! Where it cannot be had the test says so and passes; with `MUSTER_REQUIRE_KAFKA=1` it fails instead.

use std::time::Duration;

use muster_registry::{Answer, NoCache, Options, Registry, Retry, Schemas, subject_of};
use muster_sandbox::apicurio::registry_for_tests;
use muster_spec::SchemaId;

#[tokio::test(flavor = "multi_thread")]
async fn a_real_registry_means_by_its_answers_what_we_take_them_for() {
    let Some(apicurio) = registry_for_tests() else { return };
    let url = apicurio.url();
    let registry = Registry::new(&Options::new(&url)).unwrap();
    let older = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}"#;
    let newer = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"string","default":"x"}]}"#;
    let broken = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}"#;
    let subject = subject_of("hr.candidate.v1");

    let id = registry.register(&subject, older).await.unwrap();
    assert_eq!(
        registry.register(&subject, older).await.unwrap(),
        id,
        "the same schema has the same id"
    );
    assert_eq!(
        registry.register("a/b-value", older).await.unwrap(),
        id,
        "and under any subject"
    );
    let text = registry.schema(id).await.unwrap().unwrap();
    assert_eq!(muster_spec::schema_id(&text), muster_spec::schema_id(older));

    backward(&url).await;
    let later = registry.register(&subject, newer).await.unwrap();
    assert_ne!(later, id);
    for refused in [broken, r#"{"type":"nonsense"}"#] {
        let error = registry.register(&subject, refused).await.unwrap_err();
        assert_eq!((error.code(), error.retry()), ("refused", Retry::Never), "{error}");
    }

    let unknown = SchemaId(999_999);
    assert_eq!(registry.schema(unknown).await.unwrap(), None);
    let spacing = Duration::from_millis(50);
    let schemas = Schemas::new(registry, NoCache, 3, spacing);
    for _ in 0..2 {
        assert_eq!(schemas.get(unknown).await.unwrap_err().code(), "unconfirmed");
        tokio::time::sleep(spacing + Duration::from_millis(5)).await;
    }
    assert_eq!(schemas.get(unknown).await.unwrap(), Answer::Unknown);
    assert!(matches!(schemas.get(later).await.unwrap(), Answer::Schema(text) if text.contains("\"b\"")));

    // An address without the API's path answers 404 to everything: an outage, not a registry without schemas.
    let root = url.trim_end_matches("/apis/ccompat/v7");
    let error = Registry::new(&Options::new(root))
        .unwrap()
        .schema(id)
        .await
        .unwrap_err();
    assert_eq!((error.code(), error.retry()), ("outage", Retry::Backoff), "{error}");

    drop(apicurio);
    let error = Registry::new(&Options::new(&url))
        .unwrap()
        .schema(id)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "silent", "{error}");
}

/// Apicurio accepts every change unless told; Confluent's registry asks for backward compatibility from the start.
async fn backward(url: &str) {
    let request = reqwest::Client::new().put(format!("{url}/config"));
    let request = request
        .header("content-type", "application/json")
        .body(r#"{"compatibility":"BACKWARD"}"#);
    assert!(request.send().await.unwrap().status().is_success());
}
