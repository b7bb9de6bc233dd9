//! What holds after every step, whatever happened.

use std::collections::BTreeSet;

use super::model::World;

/// The first invariant that is broken, in words.
pub fn broken(world: &World) -> Option<String> {
    offsets_are_counted_once(world)
        .or_else(|| files_of_batches_are_there(world))
        .or_else(|| never_means_never(world))
        .or_else(|| tokens_commit_in_the_order_they_were_given(world))
        .or_else(|| verdicts_were_judged_against_their_revision(world))
        .or_else(|| workers_do_not_skip(world))
}

/// Each source's deltas lie end to end from its log's start to its next offset, and within its log.
fn offsets_are_counted_once(world: &World) -> Option<String> {
    for (source, row) in &world.sources {
        let mut reached = 0;
        for committed in world
            .batches
            .iter()
            .filter(|committed| committed.batch.source == *source)
        {
            let batch = committed.batch;
            if batch.from != reached || batch.to <= batch.from {
                return Some(format!(
                    "{source:?}: a batch [{}, {}) at {reached}",
                    batch.from, batch.to
                ));
            }
            reached = batch.to;
        }
        if row.next.unwrap_or(0) != reached {
            return Some(format!(
                "{source:?}: next offset {:?} and batches to {reached}",
                row.next
            ));
        }
        if reached > world.logs[source.0][source.1] {
            return Some(format!("{source:?}: {reached} is beyond its log"));
        }
    }
    None
}

fn files_of_batches_are_there(world: &World) -> Option<String> {
    let missing = world
        .batches
        .iter()
        .find(|committed| !world.files.contains(&committed.batch))?;
    Some(format!("{:?} is listed and its file is gone", missing.batch))
}

fn never_means_never(world: &World) -> Option<String> {
    let came = world
        .batches
        .iter()
        .find(|committed| world.never.contains(&committed.attempt))?;
    Some(format!("attempt {} was said never to come", came.attempt))
}

fn tokens_commit_in_the_order_they_were_given(world: &World) -> Option<String> {
    let sources: BTreeSet<_> = world.sources.keys().collect();
    for source in sources {
        let of_source = world
            .batches
            .iter()
            .filter(|committed| committed.batch.source == *source);
        let tokens: Vec<_> = of_source.map(|committed| committed.batch.token).collect();
        if !tokens.is_sorted() {
            return Some(format!(
                "{source:?}: a fenced writer committed after its successor: {tokens:?}"
            ));
        }
    }
    None
}

fn verdicts_were_judged_against_their_revision(world: &World) -> Option<String> {
    let stale = world
        .batches
        .iter()
        .find(|committed| committed.batch.revision != committed.revision_then)?;
    Some(format!("{:?} was judged against another revision", stale.batch))
}

/// A worker whose token is current, that waits for no answer, has sealed exactly what lies between the next offset
/// and its position: what it will read next is what is missing. One whose consumer jumped will be fenced instead.
fn workers_do_not_skip(world: &World) -> Option<String> {
    for worker in world.workers.iter().filter(|worker| worker.unknown.is_none()) {
        for (source, held) in &worker.held {
            let row = &world.sources[source];
            if row.token != held.token || held.jumped {
                continue;
            }
            let sealed = worker.sealed.iter().filter(|batch| batch.source == *source);
            let sealed_records: i64 = sealed.map(|batch| batch.to - batch.from).sum();
            if row.next.unwrap_or(0) + sealed_records != held.position {
                return Some(format!(
                    "{source:?}: a worker at {} has {sealed_records} after {:?}",
                    held.position, row.next
                ));
            }
        }
    }
    None
}
