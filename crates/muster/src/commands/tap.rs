//! `muster tap`: verdicts as records arrive, personal fields masked.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use chrono::Utc;
use muster_spec::{Contract, nearest};
use muster_stream::FollowFrom;

use crate::cli::{From, TapArgs};
use crate::exit::Exit;
use crate::ingest::schemas;
use crate::output::Output;
use crate::project::Project;
use crate::servers;
use crate::shutdown::Shutdown;
use crate::tap::{self, Filter, Plan};

/// How long a question to a broker may hold up the end.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// Taps until stopped.
pub async fn run(folder: &Path, args: &TapArgs, output: Output) -> anyhow::Result<Exit> {
    let contracts = Project::load_contracts(folder, &args.contracts)?;
    known_rules(&contracts, &args.rules)?;
    let plan = Plan {
        contracts,
        connection: servers::kafka(&args.kafka, None)?,
        from: match (args.since, args.from) {
            (Some(since), _) => FollowFrom::Since((Utc::now() - since).timestamp_millis()),
            (None, From::Earliest) => FollowFrom::Earliest,
            (None, From::Latest) => FollowFrom::Latest,
        },
        registry: schemas::registry(servers::registry_url(&args.kafka)?)?,
        filter: Filter {
            bad: args.bad,
            rules: args.rules.iter().cloned().collect(),
        },
        limit: args.limit,
        per_sec: (args.rate > 0).then_some(args.rate),
        once: args.once,
    };
    let shutdown = Shutdown::on_signals(STOP_LIMIT)?;
    tokio::task::spawn_blocking(move || tap::run(&plan, output, &shutdown)).await??;
    Ok(Exit::Fine)
}

/// A rule that no tapped contract has would never be told of.
fn known_rules(contracts: &[Arc<Contract>], rules: &[String]) -> anyhow::Result<()> {
    let known: Vec<&str> = contracts
        .iter()
        .flat_map(|contract| contract.rules.iter().map(|rule| rule.id.as_str()))
        .collect();
    let Some(rule) = rules.iter().find(|rule| !known.contains(&rule.as_str())) else {
        return Ok(());
    };
    match nearest(rule, &known) {
        Some(near) => bail!("there is no rule `{rule}`\n  hint: did you mean `{near}`?"),
        None => bail!("there is no rule `{rule}` in the contracts tapped"),
    }
}
