//! Where writers' schemas come from: the ledger's copies first, then the registry.
//!
//! Used by judging. An outage is tried again and never makes a row bad; an id that the registry denied several times
//! over some seconds is unknown for good. Every schema found is kept in the ledger, so that old bytes decode the same
//! years later with the registry gone.

use muster_spec::SchemaId;

use super::Shared;

/// Placeholder until the registry's client lands.
#[derive(Clone, Debug)]
pub struct Client;

impl Client {
    fn address(&self) -> &str { "" }
    #[allow(clippy::unused_async)]
    async fn schema_confirmed(&self, _id: SchemaId) -> anyhow::Result<Option<String>> { Ok(None) }
}

/// A client of the registry at this URL.
pub fn client(url: Option<String>) -> anyhow::Result<Option<Client>> {
    Ok(url.map(|_| Client))
}

/// Finds schemas by id.
pub struct Schemas {
    shared: Shared,
    registry: Option<Client>,
}

impl Schemas {
    /// One that asks this registry; without one the ledger's copies are all there is.
    pub fn new(shared: Shared, registry: Option<Client>) -> Self {
        Self { shared, registry }
    }

    /// A schema's text; `None` where it is confirmed that there is none. An error is an outage: ask again.
    pub fn find(&mut self, id: SchemaId) -> anyhow::Result<Option<String>> {
        let runtime = self.shared.runtime.clone();
        runtime.block_on(self.find_async(id))
    }

    async fn find_async(&mut self, id: SchemaId) -> anyhow::Result<Option<String>> {
        let address = self.registry.as_ref().map_or("", Client::address).to_owned();
        if let Some(text) = self.shared.ledger.schema(&address, id).await? {
            return Ok(Some(text));
        }
        let Some(registry) = &self.registry else { return Ok(None) };
        let found = registry.schema_confirmed(id).await?;
        if let Some(text) = &found {
            self.shared.ledger.keep_schema(&address, id, text).await?;
        }
        Ok(found)
    }
}
