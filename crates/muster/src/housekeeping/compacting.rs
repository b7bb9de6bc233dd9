//! Small files of a source, merged a day at a time.
//!
//! A merged file holds the rows of its parts in their order, byte for byte as Arrow reads them, and is listed in their
//! place in one statement: no reader ever sees a row twice or not at all. What goes wrong with one group leaves its files
//! as they are.

use std::collections::HashMap;
use std::sync::Arc;

use muster_spec::{Contract, SourceId, Token};
use muster_store::files::{FileStore, Merging};
use muster_store::ledger::compaction::{Small, SmallFile, SmallFiles};
use muster_store::{Domain, Ledger, Step};
use serde::Serialize;

use crate::failpoint;
use crate::reading::Reading;
use crate::worker;

/// Merges files.
pub struct Compacting {
    /// The ledger, with ingest's rights.
    pub ledger: Ledger,
    /// Where the files are.
    pub files: Arc<dyn FileStore>,
    /// Which files are merged.
    pub small: Small,
    /// How large a merged file becomes at most, by the bytes of its parts.
    pub merged_bytes_max: u64,
}

/// What became, or would become, of small files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Merged {
    /// The contract.
    pub contract: String,
    /// The source's topic.
    pub topic: String,
    /// Its partition.
    pub partition: i32,
    /// `good`, `bad` or `keys`.
    pub kind: &'static str,
    /// The day on which the batches were committed.
    pub day: String,
    /// Files that were merged.
    pub files: u64,
    /// Files they became.
    pub into: u64,
    /// Their rows.
    pub rows: u64,
    /// Bytes of all before.
    pub bytes_before: u64,
    /// Bytes of all after; unknown before it is done.
    pub bytes_after: Option<u64>,
    /// Why files were left as they are, a line each.
    pub left: Vec<String>,
}

impl Compacting {
    /// What would be merged of a contract.
    pub async fn plan(&self, contract: &Contract) -> anyhow::Result<Vec<Merged>> {
        let mut planned = Vec::new();
        for place in self.ledger.small_files(&contract.name, self.small).await? {
            let files = self.ledger.small_files_of(&contract.name, &place, self.small).await?;
            let mut merged = Merged::new(contract, &place);
            for group in groups(&files, self.merged_bytes_max) {
                merged.add(group, None);
            }
            planned.push(merged);
        }
        planned.retain(|merged| merged.files > 0);
        Ok(planned)
    }

    /// Merges what a contract has.
    pub async fn merge(&self, contract: &Arc<Contract>) -> anyhow::Result<Vec<Merged>> {
        let name = &contract.name;
        let Some(reading) = Reading::open(&self.ledger, name, "compact").await? else {
            return Ok(Vec::new());
        };
        let places = self.ledger.small_files(name, self.small).await?;
        let mut sources: Vec<SourceId> = places.iter().map(|place| place.source).collect();
        sources.dedup();
        let tokens = self.ledger.take_merging(name, &sources, &worker::name()).await?;
        failpoint::reach("compact.take");
        let mut all = Vec::new();
        for place in &places {
            all.push(self.merge_place(contract, place, &tokens).await?);
        }
        let tokens: Vec<Token> = tokens.into_values().collect();
        self.ledger.end_merging(&tokens).await?;
        reading.close().await;
        all.retain(|merged| merged.files > 0 || !merged.left.is_empty());
        Ok(all)
    }

    async fn merge_place(
        &self,
        contract: &Arc<Contract>,
        place: &SmallFiles,
        tokens: &HashMap<SourceId, Token>,
    ) -> anyhow::Result<Merged> {
        let mut merged = Merged::new(contract, place);
        let Some(&token) = tokens.get(&place.source) else {
            return Ok(merged);
        };
        let files = self.ledger.small_files_of(&contract.name, place, self.small).await?;
        for group in groups(&files, self.merged_bytes_max) {
            match self.merge_group(contract, place, token, group).await {
                Ok(Some(bytes)) => merged.add(group, Some(bytes)),
                Ok(None) => merged
                    .left
                    .push("others merged or removed some of them meanwhile".to_owned()),
                Err(error) if error.domain() == Domain::Environment => return Err(error.into()),
                // A file that is damaged stays for those who find it out, and so do the others of its group.
                Err(error) => merged.left.push(error.to_string()),
            }
        }
        Ok(merged)
    }

    /// Makes one file of several; its bytes, or `None` when they were no longer as they were listed.
    async fn merge_group(
        &self,
        contract: &Arc<Contract>,
        place: &SmallFiles,
        token: Token,
        group: &[SmallFile],
    ) -> Result<Option<u64>, muster_store::Error> {
        let listings: Vec<_> = group.iter().flat_map(|file| file.listings.iter().cloned()).collect();
        let ids: Vec<i64> = listings.iter().map(|(id, ..)| *id).collect();
        let (contract, files) = (Arc::clone(contract), Arc::clone(&self.files));
        let (kind, source, first_batch) = (place.kind, place.source, listings[0].1);
        let writing = move || {
            let parts: Vec<_> = listings.into_iter().map(|(.., part)| part).collect();
            let merging = Merging {
                kind,
                contract: &contract,
                source,
                first_batch,
                token,
                parts: &parts,
            };
            merging.seal(&files, &|step: Step| failpoint::reach(step.name()))
        };
        let written = tokio::task::spawn_blocking(writing).await;
        let written = written.map_err(|_| muster_store::Error::Encode {
            path: group[0].path.clone(),
            reason: "merging it panicked".to_owned(),
        })?;
        let Some(file) = written? else {
            return Ok(None);
        };
        failpoint::reach("compact.commit");
        if !self.ledger.merge_files(&ids, &file).await? {
            // It can never be listed: its token has passed on, or what it is made of is gone.
            self.files.remove(&file.path)?;
            return Ok(None);
        }
        failpoint::reach("compact.committed");
        Ok(Some(file.bytes))
    }
}

impl Merged {
    fn new(contract: &Contract, place: &SmallFiles) -> Self {
        Self {
            contract: contract.name.to_string(),
            topic: place.topic.clone(),
            partition: place.partition,
            kind: place.kind.word(),
            day: place.day.to_string(),
            files: 0,
            into: 0,
            rows: 0,
            bytes_before: 0,
            bytes_after: None,
            left: Vec::new(),
        }
    }

    fn add(&mut self, group: &[SmallFile], bytes: Option<u64>) {
        let listings = group.iter().flat_map(|file| &file.listings);
        self.files += group.len() as u64;
        self.into += 1;
        self.rows += listings.map(|(.., file)| file.rows).sum::<u64>();
        self.bytes_before += group.iter().map(|file| file.bytes).sum::<u64>();
        if let Some(bytes) = bytes {
            *self.bytes_after.get_or_insert_default() += bytes;
        }
    }
}

/// Runs of files that become one each: as many as fit into `bytes_max`, at least two.
fn groups(files: &[SmallFile], bytes_max: u64) -> impl Iterator<Item = &[SmallFile]> {
    let mut rest = files;
    let next = move || {
        let mut bytes = 0;
        let fits = rest.iter().take_while(|file| {
            bytes += file.bytes;
            bytes <= bytes_max
        });
        // One that fits nowhere stands alone.
        let count = fits.count().max(1).min(rest.len());
        let (group, behind) = rest.split_at(count);
        rest = behind;
        (!group.is_empty()).then_some(group)
    };
    std::iter::from_fn(next).filter(|group| group.len() > 1)
}

#[cfg(test)]
#[path = "compacting_tests.rs"]
mod tests;
