//! The model under proptest: any steps in any order, the invariants after each.

use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use super::invariants::broken;
use super::model::{Bug, PARTITIONS_MAX, Step, WORKERS, World};

/// The protocol without a bug.
#[derive(Debug)]
pub struct Protocol;

impl ReferenceStateMachine for Protocol {
    type State = World;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<World> {
        Just(World::new(Bug::None)).boxed()
    }

    fn transitions(world: &World) -> BoxedStrategy<Step> {
        prop::sample::select(steps(world)).boxed()
    }

    fn apply(state: World, step: &Step) -> World {
        state.apply(step)
    }

    fn preconditions(state: &World, step: &Step) -> bool {
        state.possible(step)
    }
}

/// Every step that is possible now, those that move work along more often than the others.
pub fn steps(world: &World) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut add = |weight: usize, step: Step| {
        if world.possible(&step) {
            steps.extend(std::iter::repeat_n(step, weight));
        }
    };
    add(1, Step::AddPartition);
    add(1, Step::MakeTopicAgain);
    add(3, Step::Sweep);
    for partition in 0..PARTITIONS_MAX {
        for records in [1, 5, 12] {
            add(1, Step::Produce { partition, records });
        }
        add(1, Step::Repair { partition });
    }
    for request in 0..world.wire.len() {
        add(4, Step::Arrive { request });
        add(1, Step::Vanish { request });
    }
    for worker in 0..WORKERS {
        let all: Vec<usize> = (0..world.partitions()).collect();
        add(
            1,
            Step::Assign {
                worker,
                partitions: all.clone(),
            },
        );
        for partition in all {
            add(
                1,
                Step::Assign {
                    worker,
                    partitions: vec![partition],
                },
            );
            add(1, Step::Revoke { worker, partition });
            add(1, Step::Jump { worker, partition });
            for records in [1, 4, 9] {
                add(
                    3,
                    Step::Seal {
                        worker,
                        partition,
                        records,
                    },
                );
            }
        }
        add(10, Step::Commit { worker });
        add(3, Step::CommitLost { worker, arrives: true });
        add(4, Step::CommitLost { worker, arrives: false });
        add(6, Step::Resolve { worker });
        add(1, Step::Crash { worker });
    }
    steps
}

/// Nothing but the model itself: what is tested are the invariants.
struct ModelAlone;

impl StateMachineTest for ModelAlone {
    type SystemUnderTest = ();
    type Reference = Protocol;

    fn init_test(_: &World) {}

    fn apply((): (), _: &World, _: Step) {}

    fn check_invariants((): &(), world: &World) {
        assert_eq!(broken(world), None);
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_or_doubled_whatever_happens(sequential 1..150 => ModelAlone);
}
