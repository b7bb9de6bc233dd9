//! The model: a topic that grows and is made again, workers that hold sources, requests that arrive late or never,
//! and a ledger of sources, tokens, batches and attempts. Pure; every step is a function of the world before.

use std::collections::{BTreeMap, BTreeSet};

pub const WORKERS: usize = 3;
pub const PARTITIONS_MAX: usize = 4;

/// (incarnation, partition).
pub type Source = (usize, usize);
pub type Token = u64;
pub type Attempt = u64;

/// What a bug would leave out; `None` is the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    None,
    /// Resolving an absent attempt leaves the tokens as they are.
    ResolveKeepsTokens,
    /// A commit does not look at the token.
    NoTokenFence,
    /// A commit does not look at the next offset.
    NoOffsetFence,
    /// A commit does not look at the revision.
    NoRevisionFence,
    /// The sweeper takes every file that is not listed.
    SweepsUnlisted,
    /// An assignment reads the next offset and leaves the token as it is.
    AssignKeepsToken,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceRow {
    pub next: Option<i64>,
    pub revision: i64,
    pub token: Token,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Batch {
    pub source: Source,
    pub from: i64,
    pub to: i64,
    pub token: Token,
    /// What its verdicts were judged against.
    pub revision: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    pub batch: Batch,
    pub attempt: Attempt,
    /// The source's revision when it was committed.
    pub revision_then: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    Token,
    Offset,
    Revision,
}

pub type Outcomes = Vec<(Batch, Option<Fence>)>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub token: Token,
    pub revision: i64,
    /// Where the worker reads on; it may have sealed up to here.
    pub position: i64,
    /// Whether its consumer was moved under it.
    pub jumped: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Worker {
    pub held: BTreeMap<Source, Held>,
    /// Sealed and not yet sent.
    pub sealed: Vec<Batch>,
    /// Sent, and the answer was lost.
    pub unknown: Option<(Attempt, Vec<Batch>)>,
}

/// What the last step was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Nothing,
    Assigned(BTreeMap<Source, SourceRow>),
    Outcomes(Attempt, Outcomes),
    Happened(Attempt, Outcomes),
    Never(Attempt, BTreeMap<Source, SourceRow>),
}

#[derive(Clone, Debug)]
pub struct World {
    pub bug: Bug,
    /// Records of each partition of each incarnation of the topic.
    pub logs: Vec<Vec<i64>>,
    pub sources: BTreeMap<Source, SourceRow>,
    pub tokens: Token,
    pub batches: Vec<Committed>,
    pub attempts: BTreeMap<Attempt, Outcomes>,
    pub attempts_begun: Attempt,
    pub workers: Vec<Worker>,
    /// Sent, not yet arrived, and nobody waits for the answer.
    pub wire: Vec<(Attempt, Vec<Batch>)>,
    /// Final names on disk.
    pub files: BTreeSet<Batch>,
    /// Attempts of which somebody was told that they never come.
    pub never: BTreeSet<Attempt>,
    pub answer: Answer,
}

#[derive(Clone, Debug)]
pub enum Step {
    Produce {
        partition: usize,
        records: i64,
    },
    AddPartition,
    MakeTopicAgain,
    Assign {
        worker: usize,
        partitions: Vec<usize>,
    },
    Revoke {
        worker: usize,
        partition: usize,
    },
    Seal {
        worker: usize,
        partition: usize,
        records: i64,
    },
    Commit {
        worker: usize,
    },
    /// The answer is lost; the request arrives now, or is still on the wire.
    CommitLost {
        worker: usize,
        arrives: bool,
    },
    Arrive {
        request: usize,
    },
    Vanish {
        request: usize,
    },
    Resolve {
        worker: usize,
    },
    Crash {
        worker: usize,
    },
    /// A worker's consumer skips records, as a reset offset does.
    Jump {
        worker: usize,
        partition: usize,
    },
    Repair {
        partition: usize,
    },
    Sweep,
}

impl World {
    pub fn new(bug: Bug) -> Self {
        Self {
            bug,
            logs: vec![vec![0; 2]],
            sources: BTreeMap::new(),
            tokens: 0,
            batches: Vec::new(),
            attempts: BTreeMap::new(),
            attempts_begun: 0,
            workers: vec![Worker::default(); WORKERS],
            wire: Vec::new(),
            files: BTreeSet::new(),
            never: BTreeSet::new(),
            answer: Answer::Nothing,
        }
    }

    pub fn incarnation(&self) -> usize {
        self.logs.len() - 1
    }

    pub fn partitions(&self) -> usize {
        self.logs[self.incarnation()].len()
    }

    pub fn possible(&self, step: &Step) -> bool {
        match step {
            Step::Produce { partition, .. } => *partition < self.partitions(),
            Step::AddPartition => self.partitions() < PARTITIONS_MAX,
            Step::MakeTopicAgain => self.logs.len() < 3,
            Step::Assign { worker, partitions } => {
                self.workers[*worker].unknown.is_none() && partitions.iter().all(|at| *at < self.partitions())
            }
            Step::Revoke { worker, partition } => {
                self.workers[*worker].held.keys().any(|source| source.1 == *partition)
            }
            Step::Seal { worker, partition, .. } => {
                let source = (self.incarnation(), *partition);
                let worker = &self.workers[*worker];
                worker.unknown.is_none()
                    && worker
                        .held
                        .get(&source)
                        .is_some_and(|held| held.position < self.logs[source.0][source.1])
            }
            Step::Commit { worker } | Step::CommitLost { worker, .. } => {
                let worker = &self.workers[*worker];
                worker.unknown.is_none() && !worker.sealed.is_empty()
            }
            Step::Arrive { request } | Step::Vanish { request } => *request < self.wire.len(),
            Step::Resolve { worker } => self.workers[*worker].unknown.is_some(),
            Step::Jump { worker, partition } => {
                let source = (self.incarnation(), *partition);
                // The first batch of a source may begin anywhere: there a jump is nothing to notice.
                self.sources.get(&source).is_some_and(|row| row.next.is_some())
                    && self.workers[*worker].held.contains_key(&source)
            }
            Step::Crash { .. } | Step::Sweep => true,
            Step::Repair { partition } => self.sources.contains_key(&(self.incarnation(), *partition)),
        }
    }

    pub fn apply(mut self, step: &Step) -> Self {
        self.answer = Answer::Nothing;
        match step {
            Step::Produce { partition, records } => {
                let incarnation = self.incarnation();
                self.logs[incarnation][*partition] += records;
            }
            Step::AddPartition => {
                let incarnation = self.incarnation();
                self.logs[incarnation].push(0);
            }
            Step::MakeTopicAgain => self.logs.push(vec![0; 2]),
            Step::Assign { worker, partitions } => self.assign(*worker, partitions),
            Step::Revoke { worker, partition } => self.revoke(*worker, *partition),
            Step::Seal {
                worker,
                partition,
                records,
            } => self.seal(*worker, *partition, *records),
            Step::Commit { worker } => {
                let (attempt, batches) = self.begin(*worker);
                let outcomes = self.commit(attempt, &batches);
                self.learn(*worker, &outcomes);
                self.answer = Answer::Outcomes(attempt, outcomes);
            }
            Step::CommitLost { worker, arrives } => {
                let (attempt, batches) = self.begin(*worker);
                self.workers[*worker].unknown = Some((attempt, batches.clone()));
                if *arrives {
                    let outcomes = self.commit(attempt, &batches);
                    self.answer = Answer::Outcomes(attempt, outcomes);
                } else {
                    self.wire.push((attempt, batches));
                }
            }
            Step::Arrive { request } => {
                let (attempt, batches) = self.wire.remove(*request);
                let outcomes = self.commit(attempt, &batches);
                self.answer = Answer::Outcomes(attempt, outcomes);
            }
            Step::Vanish { request } => drop(self.wire.remove(*request)),
            Step::Resolve { worker } => self.resolve(*worker),
            Step::Crash { worker } => self.workers[*worker] = Worker::default(),
            Step::Jump { worker, partition } => {
                let source = (self.incarnation(), *partition);
                if let Some(held) = self.workers[*worker].held.get_mut(&source) {
                    held.position += 2;
                    held.jumped = true;
                }
            }
            Step::Repair { partition } => {
                let source = (self.incarnation(), *partition);
                if let Some(row) = self.sources.get_mut(&source) {
                    row.revision += 1;
                }
            }
            Step::Sweep => self.sweep(),
        }
        self
    }

    fn raise(&mut self, source: Source) {
        self.tokens += 1;
        if let Some(row) = self.sources.get_mut(&source) {
            row.token = self.tokens;
        }
    }

    fn assign(&mut self, worker: usize, partitions: &[usize]) {
        let mut assigned = BTreeMap::new();
        for partition in partitions {
            let source = (self.incarnation(), *partition);
            let new = !self.sources.contains_key(&source);
            self.sources.entry(source).or_insert(SourceRow {
                next: None,
                revision: 0,
                token: 0,
            });
            if new || self.bug != Bug::AssignKeepsToken {
                self.raise(source);
            }
            let row = self.sources[&source].clone();
            self.take(worker, source, &row);
            assigned.insert(source, row);
        }
        self.answer = Answer::Assigned(assigned);
    }

    /// A worker begins a source anew: what it had sealed under another token is dropped.
    fn take(&mut self, worker: usize, source: Source, row: &SourceRow) {
        let worker = &mut self.workers[worker];
        worker.sealed.retain(|batch| batch.source != source);
        worker.held.insert(
            source,
            Held {
                token: row.token,
                revision: row.revision,
                position: row.next.unwrap_or(0),
                jumped: false,
            },
        );
    }

    fn revoke(&mut self, worker: usize, partition: usize) {
        let worker = &mut self.workers[worker];
        worker.held.retain(|source, _| source.1 != partition);
        worker.sealed.retain(|batch| batch.source.1 != partition);
    }

    fn seal(&mut self, worker: usize, partition: usize, records: i64) {
        let source = (self.incarnation(), partition);
        let end = self.logs[source.0][source.1];
        let worker = &mut self.workers[worker];
        let Some(held) = worker.held.get_mut(&source) else {
            return;
        };
        let batch = Batch {
            source,
            from: held.position,
            to: end.min(held.position + records),
            token: held.token,
            revision: held.revision,
        };
        held.position = batch.to;
        worker.sealed.push(batch);
        self.files.insert(batch);
    }

    fn begin(&mut self, worker: usize) -> (Attempt, Vec<Batch>) {
        self.attempts_begun += 1;
        let mut batches = std::mem::take(&mut self.workers[worker].sealed);
        batches.sort();
        (self.attempts_begun, batches)
    }

    /// The ledger's side of a commit.
    fn commit(&mut self, attempt: Attempt, batches: &[Batch]) -> Outcomes {
        if let Some(known) = self.attempts.get(&attempt) {
            return known.clone();
        }
        let mut outcomes = Vec::new();
        for batch in batches {
            let fence = self.fence(batch);
            if fence.is_none()
                && let Some(row) = self.sources.get_mut(&batch.source)
            {
                row.next = Some(batch.to);
                self.batches.push(Committed {
                    batch: *batch,
                    attempt,
                    revision_then: row.revision,
                });
            }
            outcomes.push((*batch, fence));
        }
        self.attempts.insert(attempt, outcomes.clone());
        outcomes
    }

    fn fence(&self, batch: &Batch) -> Option<Fence> {
        let row = &self.sources[&batch.source];
        if row.token != batch.token && self.bug != Bug::NoTokenFence {
            return Some(Fence::Token);
        }
        if row.next.is_some_and(|next| next != batch.from) && self.bug != Bug::NoOffsetFence {
            return Some(Fence::Offset);
        }
        (row.revision != batch.revision && self.bug != Bug::NoRevisionFence).then_some(Fence::Revision)
    }

    /// The worker's side of an answer. A source that failed its fence is read again from what is committed: under the
    /// revision the answer told, or not at all when the token has passed on.
    fn learn(&mut self, worker: usize, outcomes: &Outcomes) {
        for (batch, fence) in outcomes {
            let row = self.sources[&batch.source].clone();
            match fence {
                Some(Fence::Token) => {
                    let worker = &mut self.workers[worker];
                    if worker
                        .held
                        .get(&batch.source)
                        .is_some_and(|held| held.token == batch.token)
                    {
                        worker.held.remove(&batch.source);
                    }
                }
                Some(Fence::Offset | Fence::Revision) if row.token == batch.token => {
                    self.take(worker, batch.source, &row);
                }
                Some(_) | None => {}
            }
        }
    }

    fn resolve(&mut self, worker: usize) {
        let Some((attempt, batches)) = self.workers[worker].unknown.take() else {
            return;
        };
        if let Some(outcomes) = self.attempts.get(&attempt).cloned() {
            self.learn(worker, &outcomes);
            self.answer = Answer::Happened(attempt, outcomes);
            return;
        }
        self.never.insert(attempt);
        let mut raised = BTreeMap::new();
        let sources: BTreeMap<Source, Token> = batches.iter().map(|batch| (batch.source, batch.token)).collect();
        for (source, token) in sources {
            if self.sources[&source].token != token {
                self.workers[worker].held.remove(&source);
                continue;
            }
            if self.bug != Bug::ResolveKeepsTokens {
                self.raise(source);
            }
            let row = self.sources[&source].clone();
            // A source revoked in the meantime is not taken again.
            if self.workers[worker].held.contains_key(&source) {
                self.take(worker, source, &row);
            }
            raised.insert(source, row);
        }
        self.answer = Answer::Never(attempt, raised);
    }

    fn sweep(&mut self) {
        let listed: BTreeSet<Batch> = self.batches.iter().map(|committed| committed.batch).collect();
        let (bug, sources) = (self.bug, &self.sources);
        self.files.retain(|file| {
            let live = sources[&file.source].token == file.token && bug != Bug::SweepsUnlisted;
            listed.contains(file) || live
        });
    }
}
