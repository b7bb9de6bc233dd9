//! Bugs planted in the model: each must break an invariant, or the invariants say nothing.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::invariants::broken;
use super::machine::steps;
use super::model::{Bug, World};

#[test]
fn every_planted_bug_is_noticed() {
    let bugs = [
        Bug::ResolveKeepsTokens,
        Bug::NoTokenFence,
        Bug::NoOffsetFence,
        Bug::NoRevisionFence,
        Bug::SweepsUnlisted,
        Bug::AssignKeepsToken,
    ];
    let noticed = |bug: Bug| {
        let config = Config {
            cases: 1000,
            failure_persistence: None,
            max_shrink_iters: 0,
            ..Config::default()
        };
        let seed = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let choices = prop::collection::vec(any::<prop::sample::Index>(), 1..200);
        let found = TestRunner::new_with_rng(config, seed).run(&choices, |choices| {
            let mut world = World::new(bug);
            for choice in choices {
                let possible = steps(&world);
                world = world.apply(choice.get(&possible));
                prop_assert_eq!(broken(&world), None);
            }
            Ok(())
        });
        found.is_err()
    };
    for bug in bugs {
        assert!(noticed(bug), "{bug:?} went unnoticed");
    }
    assert!(!noticed(Bug::None), "the protocol itself holds");
}
