//! Where writers' schemas come from: memory, the ledger's copies, then the registry.
//!
//! Used by judging. An outage is tried again and never makes a row bad; an id that the registry denied several times
//! over some seconds is unknown for good. Every schema found is kept in the ledger, so that old bytes decode the same
//! years later with the registry gone.

use std::time::Duration;

use anyhow::Context;
use muster_registry::{Answer, CacheError, NoCache, Options, Registry, SchemaCache};
use muster_spec::SchemaId;
use muster_store::Ledger;

use super::Shared;

/// How often the registry must deny an id before that is believed.
const CONFIRMATIONS: u32 = 3;
/// How far apart those denials must lie.
const SPACING: Duration = Duration::from_secs(1);

/// A client of the registry at this URL, if there is one.
pub fn registry(url: Option<String>) -> anyhow::Result<Option<Registry>> {
    url.map(|url| Registry::new(&Options::new(&url)).context("could not use the schema registry"))
        .transpose()
}

/// A registry's schemas, kept in memory alone: for whoever looks on without a ledger.
pub fn in_memory(registry: Registry) -> muster_registry::Schemas<NoCache> {
    muster_registry::Schemas::new(registry, NoCache, CONFIRMATIONS, SPACING)
}

/// The ledger's copies of one registry's schemas.
struct Kept {
    ledger: Ledger,
    registry: String,
}

impl SchemaCache for Kept {
    async fn get(&self, id: SchemaId) -> Result<Option<String>, CacheError> {
        Ok(self.ledger.schema(&self.registry, id).await?)
    }

    async fn put(&self, id: SchemaId, schema: &str) -> Result<(), CacheError> {
        Ok(self.ledger.keep_schema(&self.registry, id, schema).await?)
    }
}

/// The schema that the ledger keeps under an id: one that was derived, else the one text that registries gave out.
pub async fn kept(ledger: &Ledger, id: SchemaId) -> anyhow::Result<Option<String>> {
    Ok(match ledger.schema("", id).await? {
        None => ledger.schema_of_any(id).await?,
        found => found,
    })
}

/// Finds schemas by id.
pub struct Schemas {
    shared: Shared,
    asked: Option<muster_registry::Schemas<Kept>>,
}

impl Schemas {
    /// One that asks this registry; without one the schemas that the ledger was given, or kept when there was one, are
    /// all there is.
    pub fn new(shared: Shared, registry: Option<Registry>) -> Self {
        let asked = registry.map(|registry| {
            let kept = Kept {
                ledger: shared.ledger.clone(),
                registry: registry.host().to_owned(),
            };
            muster_registry::Schemas::new(registry, kept, CONFIRMATIONS, SPACING)
        });
        Self { shared, asked }
    }

    /// A schema's text; `None` where it is confirmed that there is none. An error is an outage: ask again.
    pub fn find(&self, id: SchemaId) -> anyhow::Result<Option<String>> {
        self.shared.runtime.block_on(async {
            let Some(asked) = &self.asked else {
                return kept(&self.shared.ledger, id).await;
            };
            match asked.get(id).await? {
                Answer::Schema(text) => Ok(Some(text.to_string())),
                Answer::Unknown => Ok(None),
            }
        })
    }
}
