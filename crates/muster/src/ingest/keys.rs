//! Rebuilding a source's key state from the ledger's key files.
//!
//! Used by judging when a source is taken. Key files of other contract versions are read too: rules are matched by
//! their ids, and a rule that is gone takes its keys with it.
//!
//! Where the topic's partitions grew, the key files of all of them are read until a window has passed, and sources that
//! were held then are taken again within seconds, so that a key that moved is known where it moved to. That state is as
//! old as the taking: what another partition accepts later is not seen. So two records of one key or event that lie in
//! different partitions and are judged at about the same moment are both accepted: in the seconds before the growth is
//! seen, while the old partition's share waits unjudged behind the new one's, or while producers still disagree on where
//! a key belongs. Only one judge for all partitions could tell those apart.

use muster_contract::judge::KeyState;
use muster_store::files::read_keys;

use super::Shared;
use super::assignments::Assignment;
use super::judging::longest_window;
use crate::reading::Reading;

/// The state after everything the ledger holds of the source.
pub fn rebuild(shared: &Shared, assignment: &Assignment, mut keys: KeyState) -> anyhow::Result<KeyState> {
    let contract = &assignment.contract;
    let (reading, listed, rows) = shared.runtime.block_on(async {
        let reading = Reading::open(&shared.ledger, &contract.name, "keys").await?;
        let listed = shared
            .ledger
            .keys_to_load(assignment.source, longest_window(contract))
            .await?;
        let rows = shared.ledger.file_rows_of(assignment.source).await?;
        Ok::<_, muster_store::Error>((reading, listed, rows))
    })?;
    for file in &listed.files {
        keys.restore(&read_keys(&*shared.files, &file.file, contract)?);
    }
    drop(reading);
    keys.restore_files(&rows);
    tracing::debug!(source = %assignment.source, files = listed.files.len(), keys = keys.keys(), "rebuilt keys");
    Ok(keys)
}
