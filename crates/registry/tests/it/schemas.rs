//! Schemas by id: asked once, kept before they are used, and never taken for absent because of an outage.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use muster_registry::{Answer, CacheError, Error, NoCache, Retry, SchemaCache, Schemas};
use muster_spec::SchemaId;

use crate::script::{Script, Step, answer};

const SPACING: Duration = Duration::from_millis(150);
const SCHEMA: &str = r#"{"schema":"\"int\""}"#;
const UNKNOWN: &str = r#"{"error_code":40403,"message":"Schema not found"}"#;

/// A ledger's stand-in: kept schemas, and whether it is away.
#[derive(Clone, Default)]
struct Kept {
    schemas: Arc<Mutex<HashMap<SchemaId, String>>>,
    away: Arc<Mutex<bool>>,
}

impl Kept {
    fn reached(&self) -> Result<(), CacheError> {
        if *self.away.lock().unwrap() {
            Err("the ledger is away".into())
        } else {
            Ok(())
        }
    }
}

impl SchemaCache for Kept {
    async fn get(&self, id: SchemaId) -> Result<Option<String>, CacheError> {
        self.reached()?;
        Ok(self.schemas.lock().unwrap().get(&id).cloned())
    }

    async fn put(&self, id: SchemaId, schema: &str) -> Result<(), CacheError> {
        self.reached()?;
        self.schemas.lock().unwrap().insert(id, schema.to_owned());
        Ok(())
    }
}

fn int() -> Answer {
    Answer::Schema("\"int\"".into())
}

#[tokio::test]
async fn a_schema_is_asked_for_once_and_kept_for_the_next_process() {
    let script = Script::play([answer(200, SCHEMA)]).await;
    let kept = Kept::default();
    let schemas = Schemas::new(script.registry(), kept.clone(), 3, SPACING);
    assert_eq!(schemas.get(SchemaId(7)).await.unwrap(), int());
    assert_eq!(schemas.get(SchemaId(7)).await.unwrap(), int());
    let next = Schemas::new(script.registry(), kept, 3, SPACING);
    assert_eq!(next.get(SchemaId(7)).await.unwrap(), int(), "the registry may be away");
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn a_schema_that_cannot_be_kept_is_not_used() {
    let script = Script::play([answer(200, SCHEMA), answer(200, SCHEMA)]).await;
    let kept = Kept::default();
    let schemas = Schemas::new(script.registry(), kept.clone(), 3, SPACING);
    *kept.away.lock().unwrap() = true;
    let error = schemas.get(SchemaId(7)).await.unwrap_err();
    assert!(matches!(error, Error::Cache(_)), "{error}");
    assert_eq!(error.retry(), Retry::Backoff);
    *kept.away.lock().unwrap() = false;
    assert_eq!(schemas.get(SchemaId(7)).await.unwrap(), int());
    assert_eq!(kept.schemas.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_missing_schema_is_believed_only_when_said_often_enough_over_time() {
    let script = Script::play(vec![answer(404, UNKNOWN); 10]).await;
    let schemas = Schemas::new(script.registry(), NoCache, 3, SPACING);
    for seen in 1..3 {
        let error = schemas.get(SchemaId(7)).await.unwrap_err();
        assert!(
            matches!(error, Error::Unconfirmed { seen: said, needed: 3, .. } if said == seen),
            "{error}"
        );
        // Asked again at once, it is the same answer and counts for nothing.
        let again = schemas.get(SchemaId(7)).await.unwrap_err();
        assert!(
            matches!(again, Error::Unconfirmed { seen: said, .. } if said == seen),
            "{again}"
        );
        assert_eq!(script.asked().len(), seen as usize, "no request before its time");
        let Retry::After(wait) = again.retry() else {
            panic!("{again}");
        };
        assert!(wait <= SPACING);
        tokio::time::sleep(wait + Duration::from_millis(5)).await;
    }
    assert_eq!(schemas.get(SchemaId(7)).await.unwrap(), Answer::Unknown);
    assert_eq!(schemas.get(SchemaId(7)).await.unwrap(), Answer::Unknown);
    assert_eq!(script.asked().len(), 3);
}

#[tokio::test]
async fn an_outage_between_counts_for_nothing_and_a_schema_that_comes_late_is_taken() {
    let steps = [
        answer(404, UNKNOWN),
        answer(503, ""),
        Step::Close,
        Step::Close,
        answer(404, "<html>"),
        answer(200, SCHEMA),
    ];
    let script = Script::play(steps).await;
    let schemas = Schemas::new(script.registry(), NoCache, 2, SPACING);
    assert_eq!(schemas.get(SchemaId(7)).await.unwrap_err().code(), "unconfirmed");
    let mut answer = None;
    for _ in 0..6 {
        tokio::time::sleep(SPACING).await;
        match schemas.get(SchemaId(7)).await {
            Ok(found) => {
                answer = Some(found);
                break;
            }
            Err(error) => assert!(["outage", "silent"].contains(&error.code()), "{error}"),
        }
    }
    assert_eq!(answer, Some(int()));
}

#[tokio::test]
async fn many_askers_at_once_hear_one_answer_not_many() {
    let script = Script::play(vec![answer(404, UNKNOWN); 20]).await;
    let schemas = Arc::new(Schemas::new(script.registry(), NoCache, 3, Duration::from_mins(1)));
    let askers: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn({
                let schemas = Arc::clone(&schemas);
                async move { schemas.get(SchemaId(7)).await }
            })
        })
        .collect();
    for asker in askers {
        let error = asker.await.unwrap().unwrap_err();
        assert!(matches!(error, Error::Unconfirmed { seen: 1, .. }), "{error}");
    }
}
