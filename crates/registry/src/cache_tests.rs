//! Tests of the file beside this one.

use std::time::Duration;

use muster_spec::SchemaId;

use super::{Answer, HELD_MAX, NoCache, Schemas};
use crate::{Options, Registry};

fn schemas() -> Schemas<NoCache> {
    let registry = Registry::new(&Options::new("http://127.0.0.1:9")).unwrap();
    Schemas::new(registry, NoCache, 2, Duration::from_mins(1))
}

#[test]
fn ids_without_end_do_not_fill_the_memory() {
    let schemas = schemas();
    let last = HELD_MAX as u32 + 100;
    for id in 0..last {
        assert!(schemas.missed(SchemaId(id)).is_err());
        schemas.remember(SchemaId(last + id), format!("{id}"));
    }
    let memory = schemas.memory.lock().unwrap();
    assert_eq!((memory.misses.len(), memory.misses_held.len()), (HELD_MAX, HELD_MAX));
    assert_eq!((memory.schemas.len(), memory.schemas_held.len()), (HELD_MAX, HELD_MAX));
    assert!(memory.misses.contains_key(&SchemaId(last - 1)), "the newest are held");
    assert!(!memory.misses.contains_key(&SchemaId(0)), "the oldest are not");
}

#[test]
fn a_schema_that_was_missed_before_is_known_once_it_is_there() {
    let schemas = schemas();
    assert!(schemas.missed(SchemaId(1)).is_err());
    assert!(schemas.remembered(SchemaId(1)).is_err());
    schemas.remember(SchemaId(1), "x".into());
    assert_eq!(
        schemas.remembered(SchemaId(1)).unwrap(),
        Some(Answer::Schema("x".into()))
    );
}
