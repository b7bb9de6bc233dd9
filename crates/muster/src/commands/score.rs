//! `muster score`: good rows that are new, on the pipelines' schedules or once.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use muster_store::{FolderStore, Role};

use crate::cli::ScoreArgs;
use crate::exit::Exit;
use crate::http::Process;
use crate::output::{Output, counted};
use crate::project::Project;
use crate::reporting::answer;
use crate::scoring::passing::{Manner, Pass};
use crate::scoring::{Planned, Scorer, Tools, scheduling};
use crate::servers::Database;

/// Scores once, or until a stop is asked for.
pub async fn run(folder: &Path, args: &ScoreArgs, output: Output) -> anyhow::Result<Exit> {
    let project = Project::load(folder)?;
    let pipelines = project.pipelines_named(&args.pipelines)?;
    let planned = Planned::all(&pipelines, &project.contracts)?;
    let database = Database::open(folder, &args.database).await?;
    let process = Process::new(args.drain_secs)?;
    let shutdown = process.shutdown.clone();
    let scorer = Scorer::new(Tools {
        ledger: database.ledger(Role::Score).await?,
        files: Arc::new(FolderStore::new(folder)),
        folder: folder.to_owned(),
        metrics: process.metrics.clone(),
        readiness: process.readiness.clone(),
        shutdown: shutdown.clone(),
        lease: Duration::from_secs_f64(args.score.lease_secs),
    });
    let mut passes = Vec::new();
    if args.once {
        for planned in planned.iter().take_while(|_| !shutdown.is_asked()) {
            passes.push(once(&scorer, planned, Duration::from_secs_f64(args.wait_secs)).await?);
        }
        output.json(&passes)?;
        passes.iter().try_for_each(|pass| output.text(&describe(pass)))?;
    } else {
        answer(&project, &database, Role::Score, (&args.http, &args.link), &process).await?;
        scheduling::run(&scorer, &planned, &shutdown).await?;
    }
    drop(scorer);
    database.close().await;
    Ok(exit_of(&passes))
}

/// One pass over a pipeline now, beside whatever run is at work; without a champion it is an error that says what to do.
pub async fn once(scorer: &Scorer, planned: &Planned, wait: Duration) -> anyhow::Result<Pass> {
    let name = &planned.pipeline.name;
    let manner = Manner {
        alone: false,
        wait: Some(wait),
        talks: true,
    };
    let pass = scorer.pass(planned, Utc::now(), manner).await?;
    pass.ok_or_else(|| anyhow::anyhow!("`{name}` has no champion\n  hint: `muster train {name}` makes one"))
}

/// How passes ended together: one that failed weighs more than one whose work others hold.
pub fn exit_of(passes: &[Pass]) -> Exit {
    let any = |state: &str| passes.iter().any(|pass| pass.state == state);
    if any("failed") {
        Exit::Failed
    } else if any("open") {
        Exit::Finding
    } else {
        Exit::Fine
    }
}

/// A pass as people read it.
pub fn describe(pass: &Pass) -> String {
    let Pass {
        pipeline,
        state,
        batches,
        predictions,
        ..
    } = pass;
    let message = pass.message.as_deref();
    if *state == "skipped" {
        return format!("{pipeline}: skipped, {}", message.unwrap_or("nothing is new"));
    }
    let mut text = format!(
        "{pipeline}: {state}, {} from {}",
        counted(*predictions, "prediction"),
        counted(*batches, "batch")
    );
    for (count, what) in [(pass.corrupt, "parked as corrupt"), (pass.given_up, "given up")] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    if let Some(message) = message {
        let _ = write!(text, "\n  {message}");
    }
    for held in &pass.held {
        let _ = write!(text, "\n  {held}");
    }
    text
}
