//! Schemas by id, asked for once: memory in front, a kept cache behind it, the registry last.
//!
//! Used by `muster ingest`, which puts the ledger behind memory: a schema's text is kept there before a record is decoded
//! with it, so that raw bytes decode the same years later, and a worker can start while the registry is away. Also holds
//! the answer "there is none": believed only after the registry has said it several times, with time between, because a
//! registry that was just restored or is a lagging replica says it too.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use muster_spec::SchemaId;
use tokio::time::Instant;

use crate::{Error, Registry};

/// How many schemas, and how many ids without one, are held in memory; the oldest goes first.
const HELD_MAX: usize = 10_000;

/// Why a kept cache failed.
pub type CacheError = Box<dyn std::error::Error + Send + Sync>;

/// Where schemas are kept for good. Ids are the registry's own, so an implementation serves one registry.
pub trait SchemaCache: Send + Sync {
    /// The text of a schema, where it is kept.
    fn get(&self, id: SchemaId) -> impl Future<Output = Result<Option<String>, CacheError>> + Send;

    /// Keeps the text of a schema; a schema that is kept already stays as it is.
    fn put(&self, id: SchemaId, schema: &str) -> impl Future<Output = Result<(), CacheError>> + Send;
}

/// Nothing is kept beyond memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCache;

impl SchemaCache for NoCache {
    async fn get(&self, _id: SchemaId) -> Result<Option<String>, CacheError> {
        Ok(None)
    }

    async fn put(&self, _id: SchemaId, _schema: &str) -> Result<(), CacheError> {
        Ok(())
    }
}

/// What is known about an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The schema's text, as the registry gave it. It need not be Avro: whoever reads it finds out.
    Schema(Arc<str>),
    /// There is none, confirmed.
    Unknown,
}

/// Schemas by id.
#[derive(Debug)]
pub struct Schemas<C> {
    registry: Registry,
    cache: C,
    /// How often "there is none" must be said.
    confirmations: u32,
    /// How long must lie between two that count.
    spacing: Duration,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    schemas: HashMap<SchemaId, Arc<str>>,
    misses: HashMap<SchemaId, Miss>,
    schemas_held: VecDeque<SchemaId>,
    misses_held: VecDeque<SchemaId>,
}

#[derive(Clone, Copy, Debug)]
struct Miss {
    seen: u32,
    last: Instant,
}

impl<C: SchemaCache> Schemas<C> {
    /// Schemas of a registry, kept in `cache`. "There is none" is believed the `confirmations`th time, counting only
    /// times at least `spacing` apart.
    pub fn new(registry: Registry, cache: C, confirmations: u32, spacing: Duration) -> Self {
        Self {
            registry,
            cache,
            confirmations: confirmations.max(1),
            spacing,
            memory: Mutex::default(),
        }
    }

    /// The registry that is asked last.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// What is known about an id. An error says when to ask again and never means that there is none.
    pub async fn get(&self, id: SchemaId) -> Result<Answer, Error> {
        if let Some(answer) = self.remembered(id)? {
            return Ok(answer);
        }
        if let Some(schema) = self.cache.get(id).await.map_err(Error::Cache)? {
            return Ok(self.remember(id, schema));
        }
        match self.registry.schema(id).await? {
            Some(schema) => {
                self.cache.put(id, &schema).await.map_err(Error::Cache)?;
                Ok(self.remember(id, schema))
            }
            None => self.missed(id),
        }
    }

    /// What memory says; an id that was missed a moment ago is not asked for again before its time.
    fn remembered(&self, id: SchemaId) -> Result<Option<Answer>, Error> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(schema) = memory.schemas.get(&id) {
            return Ok(Some(Answer::Schema(Arc::clone(schema))));
        }
        match memory.misses.get(&id) {
            None => Ok(None),
            Some(miss) if miss.seen >= self.confirmations => Ok(Some(Answer::Unknown)),
            Some(miss) if miss.last.elapsed() >= self.spacing => Ok(None),
            Some(miss) => Err(self.unconfirmed(id, *miss)),
        }
    }

    fn remember(&self, id: SchemaId, schema: String) -> Answer {
        let schema: Arc<str> = schema.into();
        let mut guard = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = &mut *guard;
        memory.misses.remove(&id);
        if memory.schemas.insert(id, Arc::clone(&schema)).is_none() {
            hold(id, &mut memory.schemas_held, |oldest| {
                memory.schemas.remove(&oldest);
            });
        }
        Answer::Schema(schema)
    }

    /// Counts that the registry said there is none.
    fn missed(&self, id: SchemaId) -> Result<Answer, Error> {
        let now = Instant::now();
        let mut guard = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = &mut *guard;
        let miss = match memory.misses.get(&id) {
            // Another task asked at the same time: one answer, heard twice.
            Some(miss) if now.duration_since(miss.last) < self.spacing => *miss,
            Some(miss) => Miss {
                seen: miss.seen + 1,
                last: now,
            },
            None => Miss { seen: 1, last: now },
        };
        if memory.misses.insert(id, miss).is_none() {
            hold(id, &mut memory.misses_held, |oldest| {
                memory.misses.remove(&oldest);
            });
        }
        if miss.seen >= self.confirmations {
            tracing::warn!(%id, host = self.registry.host(), "the registry has no such schema, confirmed");
            return Ok(Answer::Unknown);
        }
        Err(self.unconfirmed(id, miss))
    }

    fn unconfirmed(&self, id: SchemaId, miss: Miss) -> Error {
        Error::Unconfirmed {
            id,
            seen: miss.seen,
            needed: self.confirmations,
            wait: self.spacing.saturating_sub(miss.last.elapsed()),
        }
    }
}

/// Adds an id to those held, letting the oldest go when there are too many.
fn hold(id: SchemaId, held: &mut VecDeque<SchemaId>, forget: impl FnOnce(SchemaId)) {
    held.push_back(id);
    if held.len() > HELD_MAX
        && let Some(oldest) = held.pop_front()
    {
        forget(oldest);
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
