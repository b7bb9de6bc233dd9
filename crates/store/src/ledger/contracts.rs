//! Contracts and schemas as texts: what judged a row can be read years later.
//!
//! Kept by `muster` before the first commit under a contract version; schemas are kept as they are first seen.

use muster_spec::{Contract, ContractName, ContractVersion, SchemaId};

use super::Ledger;
use crate::error::Error;

/// A contract as the ledger keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptContract {
    /// Its version.
    pub version: ContractVersion,
    /// Its file's text.
    pub text: String,
    /// Its schema's text.
    pub schema_text: String,
}

impl Ledger {
    /// All contracts that are known, in order.
    pub async fn contract_names(&self) -> Result<Vec<ContractName>, Error> {
        let mut session = self.session("list contracts").await?;
        let rows = session.rows("SELECT name FROM contracts ORDER BY name", &[]).await?;
        Ok(rows.iter().map(|row| row.get::<_, &str>(0).into()).collect())
    }

    /// Keeps a contract's texts; nothing happens when they are kept already. Goes before the first commit.
    pub async fn keep_contract(&self, contract: &Contract) -> Result<(), Error> {
        const SQL: &str = "WITH known AS (INSERT INTO contracts (name) VALUES ($1) ON CONFLICT (name) DO NOTHING)
            INSERT INTO contract_versions (contract, contract_version, topic, contract_text, schema_text)
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT (contract, contract_version) DO NOTHING";
        self.session("keep a contract")
            .await?
            .run(
                SQL,
                &[
                    &contract.name.as_str(),
                    &contract.version.as_str(),
                    &contract.topic,
                    &contract.text,
                    &contract.schema_text,
                ],
            )
            .await
    }

    /// A contract's texts by the first digits of a version, the newest where there are several; without digits the
    /// contract's newest version.
    pub async fn kept_contract(&self, contract: &ContractName, version: &str) -> Result<Option<KeptContract>, Error> {
        const SQL: &str = "SELECT contract_version, contract_text, schema_text FROM contract_versions
            WHERE contract = $1 AND starts_with(contract_version, $2)
            ORDER BY first_seen_at DESC, contract_version LIMIT 1";
        let mut session = self.session("read a contract").await?;
        let row = session.row_maybe(SQL, &[&contract.as_str(), &version]).await?;
        Ok(row.map(|row| KeptContract {
            version: row.get::<_, String>(0).into(),
            text: row.get(1),
            schema_text: row.get(2),
        }))
    }

    /// Keeps a schema that was seen. `registry` is who gave out the id: an address, or empty for derived ids. An id
    /// that had another text is refused: old bytes would decode to something else.
    pub async fn keep_schema(&self, registry: &str, id: SchemaId, text: &str) -> Result<(), Error> {
        const SQL: &str = "WITH kept AS (
              INSERT INTO schemas (registry, schema_id, schema_text) VALUES ($1, $2, $3)
              ON CONFLICT (registry, schema_id) DO NOTHING RETURNING schema_text)
            SELECT schema_text FROM kept UNION ALL
            SELECT schema_text FROM schemas WHERE registry = $1 AND schema_id = $2";
        let mut session = self.session("keep a schema").await?;
        let number = i64::from(id.0);
        let kept = session.row_maybe(SQL, &[&registry, &number, &text]).await?;
        // No row at all: another session keeps the same id at this moment and it was not there when we looked.
        match kept {
            Some(row) if row.get::<_, &str>(0) != text => Err(Error::SchemaChanged {
                registry: registry.into(),
                id: id.0,
            }),
            _ => Ok(()),
        }
    }

    /// One schema's text.
    pub async fn schema(&self, registry: &str, id: SchemaId) -> Result<Option<String>, Error> {
        const SQL: &str = "SELECT schema_text FROM schemas WHERE registry = $1 AND schema_id = $2";
        let mut session = self.session("read a schema").await?;
        let row = session.row_maybe(SQL, &[&registry, &i64::from(id.0)]).await?;
        Ok(row.map(|row| row.get(0)))
    }

    /// The text of a schema that some registry gave out under this id; nothing where two gave out different ones.
    pub async fn schema_of_any(&self, id: SchemaId) -> Result<Option<String>, Error> {
        const SQL: &str = "SELECT min(schema_text) FROM schemas WHERE schema_id = $1
            GROUP BY schema_id HAVING count(DISTINCT schema_text) = 1";
        let mut session = self.session("read a schema").await?;
        let row = session.row_maybe(SQL, &[&i64::from(id.0)]).await?;
        Ok(row.map(|row| row.get(0)))
    }

    /// All schemas that were seen from a registry.
    pub async fn schemas(&self, registry: &str) -> Result<Vec<(SchemaId, String)>, Error> {
        const SQL: &str = "SELECT schema_id, schema_text FROM schemas WHERE registry = $1 ORDER BY schema_id";
        let mut session = self.session("read the schemas").await?;
        let rows = session.rows(SQL, &[&registry]).await?;
        Ok(rows
            .into_iter()
            .map(|row| (SchemaId(row.get::<_, i64>(0) as u32), row.get(1)))
            .collect())
    }
}
