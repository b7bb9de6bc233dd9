//! `muster score`: good rows that are new, on the pipelines' schedules or once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use muster_store::{FolderStore, Role};

use crate::cli::ScoreArgs;
use crate::exit::Exit;
use crate::http::{self, Readiness};
use crate::metrics::Metrics;
use crate::output::Output;
use crate::project::Project;
use crate::scoring::{Pass, Planned, Scorer, scheduling};
use crate::servers::Database;
use crate::shutdown::Shutdown;

/// How long a claim that was begun may take to end after a stop is asked for.
const DRAIN_LIMIT: Duration = Duration::from_mins(1);

/// Scores once, or until a stop is asked for.
pub async fn run(folder: &Path, args: &ScoreArgs, output: Output) -> anyhow::Result<Exit> {
    let project = Project::load(folder)?;
    let pipelines = project.pipelines_named(&args.pipelines)?;
    let planned: Vec<Planned> = pipelines
        .iter()
        .map(|pipeline| Planned::new(pipeline, &project.contracts))
        .collect::<anyhow::Result<_>>()?;
    let database = Database::open(folder, &args.database).await?;
    let ledger = database.ledger(Role::Score).await?;
    let (metrics, readiness, shutdown) = (Metrics::new(), Readiness::default(), Shutdown::on_signals(DRAIN_LIMIT)?);
    let files = Arc::new(FolderStore::new(folder));
    let scorer = Scorer::new(
        ledger,
        files,
        folder.to_owned(),
        metrics.clone(),
        readiness.clone(),
        shutdown.clone(),
    );
    if args.once {
        let mut passes = Vec::new();
        for planned in &planned {
            passes.push(once(&scorer, planned).await?);
        }
        output.json(&passes)?;
        passes.iter().try_for_each(|pass| output.text(&describe(pass)))?;
    } else {
        http::start(&args.http.address, metrics, readiness, shutdown.clone()).await?;
        scheduling::run(&scorer, &planned, &shutdown).await?;
    }
    database.close().await;
    Ok(Exit::Fine)
}

/// One pass over a pipeline now; without a champion it is an error that says what to do.
pub async fn once(scorer: &Scorer, planned: &Planned) -> anyhow::Result<Pass> {
    let name = &planned.pipeline.name;
    let pass = scorer.pass(planned, Utc::now()).await?;
    pass.ok_or_else(|| anyhow::anyhow!("`{name}` has no champion\n  hint: `muster train {name}` makes one"))
}

/// A pass as people read it.
pub fn describe(pass: &Pass) -> String {
    let Pass {
        pipeline,
        state,
        batches,
        predictions,
        corrupt,
    } = pass;
    match (*state, corrupt) {
        ("skipped", _) => format!("{pipeline}: skipped, nothing is new"),
        (state, 0) => format!("{pipeline}: {state}, {predictions} predictions from {batches} batches"),
        (state, corrupt) => {
            format!(
                "{pipeline}: {state}, {predictions} predictions from {batches} batches, {corrupt} parked as corrupt"
            )
        }
    }
}
