//! Scorers that die, freeze or dawdle with claims in their hands, and runs that cannot go on.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::oracle::{Outcome, Producer, check};
use crate::program::Program;
use crate::scoring::trained;
use crate::world::{PIPELINE, World};

const LIMIT: Duration = Duration::from_mins(1);

/// `score --once` as JSON, with a lease of this many seconds.
fn score(lease_secs: &'static str) -> [&'static str; 6] {
    ["score", "--once", "--format", "json", "--lease-secs", lease_secs]
}

/// Waits until this many batches are scored and one more is in somebody's hands.
fn wait_held(world: &World, scored: u64) {
    let held =
        "SELECT count(*) FILTER (WHERE state = 'done') || ' ' || count(*) FILTER (WHERE leased_until IS NOT NULL)
        FROM claims";
    let (begun, wanted) = (Instant::now(), format!("{scored} 1"));
    while world.ask(held) != wanted {
        assert!(begun.elapsed() < LIMIT, "nobody holds a batch: {}", world.ask(held));
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The one pass of a scorer that ends with this code.
fn pass(scorer: Program, code: i32) -> Value {
    scorer.wait(LIMIT).with_code(code).json()[0].clone()
}

fn batches(pass: &Value) -> u64 {
    pass["batches"].as_u64().unwrap()
}

#[test]
fn of_three_scorers_one_is_killed_in_the_middle_and_the_others_score_every_row_once() {
    let Some((world, producer)) = trained("takeover") else {
        return;
    };
    // It scores one batch and dies with the second in its hands.
    let victim = world.start_failing(&score("2"), "claim=1*off->sleep(60000)");
    wait_held(&world, 1);
    let others = [0, 1].map(|_| world.start_failing(&score("2"), "claim=sleep(200)"));
    std::thread::sleep(Duration::from_millis(700));
    drop(victim);
    let passes = others.map(|other| pass(other, 0));
    assert_eq!(passes.iter().map(batches).sum::<u64>(), 5, "{passes:?}");
    assert!(passes.iter().all(|pass| pass["held"].is_null()), "{passes:?}");
    check(&world, &producer.log, true);
    assert_eq!(world.ask("SELECT max(tries) FROM claims"), "2");
    assert_eq!(world.ask("SELECT count(*) FROM runs WHERE state = 'open'"), "0");
    assert_eq!(pass(world.start(&score("2")), 0)["state"], "skipped");
}

#[test]
fn a_scorer_that_was_frozen_is_fenced_off_by_the_one_that_took_over() {
    let Some((world, producer)) = trained("frozen") else {
        return;
    };
    let zombie = world.start_failing(&score("1"), "predict=1*sleep(8000)");
    wait_held(&world, 0);
    zombie.signal("STOP");
    let successor = pass(world.start(&score("1")), 0);
    assert_eq!(
        (batches(&successor), &successor["state"]),
        (6, &"done".into()),
        "{successor}"
    );
    zombie.signal("CONT");
    let ended = zombie.wait(LIMIT).with_code(0);
    assert!(ended.said.contains("passed on"), "{}", ended.said);
    assert_eq!(batches(&ended.json()[0]), 0, "it wrote nothing");
    check(&world, &producer.log, true);
}

#[test]
fn a_long_batch_does_not_lose_its_claim() {
    let Some((world, producer)) = trained("long") else {
        return;
    };
    let slow = world.start_failing(&score("2"), "score=1*sleep(6000)");
    wait_held(&world, 0);
    let quick = world.start(&score("2"));
    quick.wait_said("waiting for 1 batch of run", LIMIT);
    let passes = [pass(quick, 0), pass(slow, 0)];
    assert_eq!(passes.iter().map(batches).sum::<u64>(), 6, "{passes:?}");
    assert_eq!(
        world.ask("SELECT max(tries) FROM claims"),
        "1",
        "nobody took it from its scorer"
    );
    check(&world, &producer.log, true);
}

#[test]
fn a_pass_that_waits_no_longer_says_who_holds_what_until_when() {
    let Some((world, producer)) = trained("held") else {
        return;
    };
    let holder = world.start_failing(&score("60"), "predict=1*sleep(15000)");
    wait_held(&world, 0);
    let run = world.ask("SELECT max(id) FROM runs");
    let worker = world.ask("SELECT worker FROM claims WHERE leased_until IS NOT NULL");
    let mut impatient = score("60").to_vec();
    impatient.extend(["--wait-secs", "0.5"]);
    let other = pass(world.start(&impatient), 1);
    assert_eq!((&other["state"], batches(&other)), (&"open".into(), 5), "{other}");
    let held = &other["held"][0];
    assert_eq!(
        (held["run"].to_string(), held["worker"].as_str()),
        (run.clone(), Some(&*worker)),
        "{other}"
    );
    assert_eq!(
        (&held["batches"], held["until"].is_string()),
        (&1.into(), true),
        "{other}"
    );
    let told = world
        .run(&["score", PIPELINE, "--once", "--wait-secs", "0"])
        .with_code(1)
        .output;
    let words = format!("1 batch of run {run} held by {worker} until 20");
    assert!(told.contains("return: open") && told.contains(&words), "{told}");
    assert_eq!(batches(&pass(holder, 0)), 1);
    check(&world, &producer.log, true);
}

#[test]
fn a_run_whose_model_is_missing_fails_and_the_next_one_scores_its_batches() {
    let Some((world, producer)) = trained("modelless") else {
        return;
    };
    let (models, away) = (world.path().join("models"), world.path().join("away"));
    std::fs::rename(&models, &away).unwrap();
    for failed in 1..=2 {
        let ended = pass(world.start(&score("60")), 2);
        assert_eq!((&ended["state"], batches(&ended)), (&"failed".into(), 0), "{ended}");
        assert!(ended["message"].as_str().unwrap().contains("manifest.json"), "{ended}");
        let kept = "SELECT count(*) FROM runs WHERE state = 'failed' AND message LIKE '%manifest.json%'";
        assert_eq!(world.ask(kept), failed.to_string());
        let told = "SELECT count(*) FROM alerts WHERE condition = 'run_failed' AND run_id IS NOT NULL";
        assert_eq!(world.ask(told), failed.to_string());
    }
    std::fs::rename(&away, &models).unwrap();
    let ended = pass(world.start(&score("60")), 0);
    assert_eq!((&ended["state"], batches(&ended)), (&"done".into(), 6), "{ended}");
    check(&world, &producer.log, true);
}

#[test]
fn a_run_none_of_whose_files_are_there_fails_with_the_reason() {
    let Some((world, producer)) = trained("fileless") else {
        return;
    };
    std::fs::rename(world.path().join("good-data"), world.path().join("away")).unwrap();
    let ended = pass(world.start(&score("60")), 2);
    assert_eq!(
        (&ended["state"], &ended["corrupt"]),
        (&"failed".into(), &6.into()),
        "{ended}"
    );
    let message = ended["message"].as_str().unwrap();
    assert!(
        message.contains("none of its batches") && message.contains("is not there"),
        "{message}"
    );
    assert!(producer.log.count(&Outcome::Good) > 0);
    assert_eq!(world.ask("SELECT count(*) FROM predictions"), "0");
}

#[test]
fn a_batch_on_which_scorers_die_again_and_again_is_given_up_and_the_others_are_scored() {
    let Some((world, producer)) = trained("poison") else {
        return;
    };
    // The first scores five batches and dies on the sixth, as do all after it.
    for failpoint in ["claim=5*off->return(kill)"]
        .into_iter()
        .chain(["claim=return(kill)"; 4])
    {
        world.start_failing(&score("1"), failpoint).wait(LIMIT).killed();
    }
    let ended = pass(world.start(&score("1")), 0);
    assert_eq!(
        (&ended["state"], batches(&ended), &ended["given_up"]),
        (&"done".into(), 0, &1.into()),
        "{ended}"
    );
    let message = world.ask("SELECT message FROM claims WHERE state = 'failed'");
    assert!(message.contains("its scorers died"), "{message}");
    assert_eq!(
        world.ask("SELECT count(*) FROM alerts WHERE condition = 'batch_failed'"),
        "1"
    );
    let rows =
        world.ask("SELECT sum(good) FROM batches JOIN claims ON claims.batch_id = batches.id WHERE state = 'done'");
    assert_eq!(world.ask("SELECT count(*) FROM predictions"), rows);
    assert!(producer.log.count(&Outcome::Good).to_string() != rows);
}

#[test]
fn batches_on_which_the_view_fails_are_given_up_without_a_word_of_their_rows() {
    let Some(world) = World::new("unviewable", 3) else {
        return;
    };
    let mut producer = Producer::new(&world.brokers, &world.topic, &world.contract, 3);
    producer.send(600);
    world.run(&["ingest", "--once"]).with_code(0);
    let last = producer
        .log
        .incarnations
        .iter()
        .flatten()
        .flatten()
        .map(|sent| sent.number)
        .max();
    // From the next event on a level is read as a number, which none is.
    let view = format!(
        "SELECT level, hours + CAST(CASE WHEN number > {} THEN level ELSE '0' END AS INT) AS hours FROM \"school.visit\"",
        last.unwrap()
    );
    std::fs::write(world.path().join("pipelines/return.sql"), view).unwrap();
    world.run(&["train", PIPELINE, "--fold-seeds", "1"]).with_code(0);
    producer.send(600);
    world.run(&["ingest", "--once"]).with_code(0);

    let ended = world.start(&score("60")).wait(LIMIT).with_code(0);
    let pass = &ended.json()[0];
    assert_eq!((batches(pass), &pass["given_up"]), (3, &3.into()), "{pass}");
    let messages =
        world.ask("SELECT string_agg(DISTINCT message, '|') FROM claims WHERE state = 'failed' AND tries = 5");
    assert!(messages.contains("cannot be cast"), "{messages}");
    for level in ["low", "middle", "high"] {
        let said = format!("{messages}{}{}", ended.output, ended.said);
        assert!(!said.contains(&format!("'{level}'")), "{said}");
    }
    assert_eq!(
        world.ask("SELECT count(*) FROM alerts WHERE condition = 'batch_failed'"),
        "3"
    );
    assert_eq!(world.ask("SELECT state FROM runs ORDER BY id DESC LIMIT 1"), "done");
}
