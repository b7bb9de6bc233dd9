//! The same steps on the real ledger's functions: every answer and every row is what the model says.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use muster_spec::{Offset, Revision, SourceId, TopicId};
use muster_store::ledger::commit::{self, BatchCommit, Outcome, Resolved};
use muster_store::ledger::sources::{Assigned, Partition};
use proptest::prelude::*;
use proptest_state_machine::{StateMachineTest, prop_state_machine};
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::machine::Protocol;
use super::model::{Answer, Attempt, Batch, Fence, Outcomes, Source, SourceRow, Step, Token, World};
use crate::support::{Fixture, sealed, to_commit};

/// One ledger for all cases; each case has a topic of its own.
fn shared() -> &'static (Runtime, Fixture) {
    static SHARED: OnceLock<(Runtime, Fixture)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let runtime = Runtime::new().expect("a runtime");
        let fixture = runtime.block_on(Fixture::new());
        (runtime, fixture)
    })
}

struct RealLedger {
    topic: Arc<str>,
    topic_ids: Vec<TopicId>,
    sources: BTreeMap<Source, Assigned>,
    tokens: HashMap<Token, muster_spec::Token>,
    attempts: HashMap<Attempt, commit::Attempt>,
    /// The model before the step: what a worker held in doubt, what was on the wire.
    before: World,
}

impl StateMachineTest for RealLedger {
    type SystemUnderTest = Self;
    type Reference = Protocol;

    fn init_test(world: &World) -> Self {
        Self {
            topic: format!("model-{}", Uuid::new_v4()).into(),
            topic_ids: Vec::new(),
            sources: BTreeMap::new(),
            tokens: HashMap::new(),
            attempts: HashMap::new(),
            before: world.clone(),
        }
    }

    fn apply(mut real: Self, world: &World, step: Step) -> Self {
        let (runtime, fixture) = shared();
        runtime.block_on(real.take_step(fixture, world, &step));
        real.before = world.clone();
        real
    }

    fn check_invariants(real: &Self, world: &World) {
        let (runtime, fixture) = shared();
        runtime.block_on(real.compare(fixture, world));
    }

    fn teardown(_: Self, _: World) {
        let (runtime, fixture) = shared();
        runtime.block_on(fixture.adds_up());
    }
}

impl RealLedger {
    async fn take_step(&mut self, fixture: &Fixture, world: &World, step: &Step) {
        match (step, &world.answer) {
            (Step::Assign { worker, partitions }, Answer::Assigned(expected)) => {
                self.assign(fixture, world, *worker, partitions, expected).await;
            }
            (
                Step::Commit { .. } | Step::CommitLost { .. } | Step::Arrive { .. },
                Answer::Outcomes(attempt, expected),
            ) => {
                let name = *self.attempts.entry(*attempt).or_insert_with(commit::Attempt::new);
                let batches: Vec<BatchCommit> = expected.iter().map(|(batch, _)| self.real(fixture, batch)).collect();
                let outcomes = fixture.ingest.commit(name, &batches).await.expect("commits");
                self.same_outcomes(&outcomes, expected);
            }
            (Step::Resolve { worker }, Answer::Happened(attempt, expected)) => {
                match self.resolve(fixture, *worker, *attempt).await {
                    Resolved::Happened(outcomes) => self.same_outcomes(&outcomes, expected),
                    other @ Resolved::Never(_) => panic!("{other:?}"),
                }
            }
            (Step::Resolve { worker }, Answer::Never(attempt, expected)) => {
                match self.resolve(fixture, *worker, *attempt).await {
                    Resolved::Never(raised) => self.raised(&raised, expected),
                    other @ Resolved::Happened(_) => panic!("{other:?}"),
                }
            }
            (Step::Repair { partition }, _) => {
                let source = self.sources[&(world.incarnation(), *partition)].source;
                let sql = format!("UPDATE sources SET revision = revision + 1 WHERE id = {source}");
                fixture
                    .owner()
                    .await
                    .batch_execute(&sql)
                    .await
                    .expect("raises the revision");
            }
            // Nothing that the ledger sees.
            _ => {}
        }
    }

    async fn assign(
        &mut self,
        fixture: &Fixture,
        world: &World,
        worker: usize,
        partitions: &[usize],
        expected: &BTreeMap<Source, SourceRow>,
    ) {
        while self.topic_ids.len() < world.logs.len() {
            self.topic_ids.push(crate::support::topic_id());
        }
        let wanted: Vec<Partition> = partitions
            .iter()
            .map(|partition| Partition {
                contract: fixture.contract.name.clone(),
                topic: Arc::clone(&self.topic),
                topic_id: self.topic_ids[world.incarnation()],
                partition: *partition as i32,
                partitions: world.partitions() as i32,
            })
            .collect();
        let assigned = fixture
            .ingest
            .assign(&format!("worker-{worker}"), &wanted)
            .await
            .expect("assigns");
        assert_eq!(assigned.len(), expected.len());
        for (source, row) in expected {
            let found = assigned
                .iter()
                .find(|found| found.partition == source.1 as i32)
                .expect("it was asked for");
            assert_eq!(found.next_offset.map(|offset| offset.0), row.next);
            assert_eq!(found.revision, Revision(row.revision));
            assert!(
                self.tokens.values().all(|known| *known != found.token),
                "every token is another"
            );
            self.tokens.insert(row.token, found.token);
            self.sources.insert(*source, found.clone());
        }
    }

    async fn resolve(&mut self, fixture: &Fixture, worker: usize, attempt: Attempt) -> Resolved {
        let (_, batches) = self.before.workers[worker].unknown.clone().expect("it was in doubt");
        let mut held: Vec<_> = batches
            .iter()
            .map(|batch| (self.sources[&batch.source].source, self.tokens[&batch.token]))
            .collect();
        held.dedup();
        let name = *self.attempts.entry(attempt).or_insert_with(commit::Attempt::new);
        fixture.ingest.resolve(name, &held, "model").await.expect("resolves")
    }

    fn raised(&mut self, raised: &[commit::Raised], expected: &BTreeMap<Source, SourceRow>) {
        assert_eq!(raised.len(), expected.len());
        for (source, row) in expected {
            let id = self.sources[source].source;
            let found = raised.iter().find(|found| found.source == id).expect("it was raised");
            assert_eq!(found.next_offset.map(|offset| offset.0), row.next);
            assert_eq!(found.revision, Revision(row.revision));
            self.tokens.insert(row.token, found.token);
        }
    }

    fn real(&self, fixture: &Fixture, batch: &Batch) -> BatchCommit {
        let mut source = self.sources[&batch.source].clone();
        source.token = self.tokens[&batch.token];
        let mut commit = to_commit(sealed(&fixture.contract, &source, batch.from, batch.to, 0));
        commit.revision = Revision(batch.revision);
        commit
    }

    fn same_outcomes(&self, found: &[Outcome], expected: &Outcomes) {
        assert_eq!(found.len(), expected.len());
        for (batch, fence) in expected {
            let source = self.sources[&batch.source].source;
            let same = |outcome: &&Outcome| match outcome {
                Outcome::Committed { source: id, delta, .. } | Outcome::Fenced { source: id, delta, .. } => {
                    (*id, delta.from, delta.to) == (source, Offset(batch.from), Offset(batch.to))
                }
            };
            let outcome = found.iter().find(same).expect("an outcome for each batch");
            let fenced = match outcome {
                Outcome::Committed { .. } => None,
                Outcome::Fenced { fence, .. } => Some(*fence),
            };
            let wanted = fence.map(|fence| match fence {
                Fence::Token => commit::Fence::Token,
                Fence::Offset => commit::Fence::Offset,
                Fence::Revision => commit::Fence::Revision,
            });
            assert_eq!(fenced, wanted, "{batch:?}");
        }
    }

    async fn compare(&self, fixture: &Fixture, world: &World) {
        let names: BTreeMap<SourceId, Source> = self
            .sources
            .iter()
            .map(|(source, assigned)| (assigned.source, *source))
            .collect();
        let states = fixture.ingest.sources().await.expect("reads the sources");
        let mine: Vec<_> = states.iter().filter(|state| state.topic == self.topic).collect();
        assert_eq!(mine.len(), world.sources.len());
        for state in mine {
            let source = names[&state.source];
            let row = &world.sources[&source];
            assert_eq!(state.incarnation, self.incarnation_rank(source.0));
            assert_eq!(state.next_offset.map(|offset| offset.0), row.next);
            assert_eq!(state.revision, Revision(row.revision));
            assert_eq!(state.token, Some(self.tokens[&row.token]));
        }
        let sql = "SELECT source_id, from_offset, to_offset, batches.token FROM batches JOIN sources ON sources.id = source_id
            WHERE topic = $1 ORDER BY source_id, from_offset";
        let rows = fixture
            .owner()
            .await
            .query(sql, &[&&*self.topic])
            .await
            .expect("reads the batches");
        let found: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    SourceId(row.get(0)),
                    row.get::<_, i64>(1),
                    row.get::<_, i64>(2),
                    row.get::<_, Uuid>(3),
                )
            })
            .collect();
        let mut expected: Vec<_> = world
            .batches
            .iter()
            .map(|committed| {
                let batch = committed.batch;
                (
                    self.sources[&batch.source].source,
                    batch.from,
                    batch.to,
                    self.tokens[&batch.token].0,
                )
            })
            .collect();
        expected.sort();
        assert_eq!(found, expected);
    }

    /// The ledger numbers the incarnations it has seen; one that was never assigned has no number.
    fn incarnation_rank(&self, incarnation: usize) -> u32 {
        let seen: std::collections::BTreeSet<usize> = self.sources.keys().map(|source| source.0).collect();
        seen.iter().filter(|other| **other < incarnation).count() as u32
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        max_shrink_iters: 64,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_ledgers_functions_do_what_the_model_says(sequential 1..60 => RealLedger);
}
