//! `muster top`: what stands where: sources, rates, lag, good and bad, runs, what fires.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use muster_store::Role;

use crate::cli::TopArgs;
use crate::exit::Exit;
use crate::output::Output;
use crate::project::Project;
use crate::schedule::Slots;
use crate::servers::Database;
use crate::shutdown::Shutdown;
use crate::top::workers::Workers;
use crate::top::{self, Looker, plain};

/// How long giving the terminal back may take.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Watches until stopped; once where nobody watches.
pub async fn run(folder: &Path, args: &TopArgs, output: Output) -> anyhow::Result<Exit> {
    let workers = Workers::new(&args.urls)?;
    let database = Database::open(folder, &args.database).await?;
    let ledger = database.ledger(Role::Read).await?;
    let mut looker = Looker::new(ledger, workers, slots(folder));
    if args.once || output.is_json() || !top::is_there() {
        let known = looker.look().await;
        if let Some(down) = &known.down {
            bail!("{}", down.reason);
        }
        output.json(&plain::json(known))?;
        output.text(&plain::text(known))?;
    } else {
        let shutdown = Shutdown::on_signals(STOP_LIMIT)?;
        top::watch(looker, Duration::from_secs_f64(args.every_secs), &shutdown).await?;
    }
    database.close().await;
    Ok(Exit::Fine)
}

/// The schedules of the project's pipelines; none where there is no project in order: the ledger is watched all the same.
fn slots(folder: &Path) -> BTreeMap<String, Slots> {
    let pipelines = Project::load(folder).map_or_else(|_| Vec::new(), |project| project.pipelines);
    let slots = pipelines.iter().filter_map(|pipeline| {
        let slots = Slots::new(&pipeline.schedule).ok()?;
        Some((pipeline.name.to_string(), slots))
    });
    slots.collect()
}
