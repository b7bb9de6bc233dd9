//! The commands, one file each. A command reads its arguments, does its work through the stages, and says how it ended.

mod alerts;
mod bad;
mod check;
mod compact;
mod completions;
mod contract;
mod demo;
mod doctor;
mod generate;
mod ingest;
mod init;
mod man;
mod migrate;
mod models;
mod profile;
mod psql;
mod publish;
mod reconcile;
mod replay;
mod report;
mod resume;
mod retain;
mod rules;
mod score;
mod serve;
mod tap;
mod test;
mod top;
mod trace;
mod train;
mod validate;
mod verify;

use crate::cli::{Cli, Command};
use crate::exit::Exit;
use crate::output::Output;

/// Runs the command that was asked for.
pub async fn run(cli: Cli) -> anyhow::Result<Exit> {
    let output = Output { format: cli.format };
    let folder = cli.project;
    match cli.command {
        Command::Alerts(args) => alerts::run(&folder, &args, output).await,
        Command::Bad(args) => bad::run(&folder, &args, output).await,
        Command::Check(args) => check::run(&folder, &args, output),
        Command::Contract(args) => contract::run(&folder, &args, output).await,
        Command::Compact(args) => compact::run(&folder, &args, output).await,
        Command::Generate(args) => generate::run(&args, output),
        Command::Ingest(args) => ingest::run(&folder, &args).await,
        Command::Migrate(args) => migrate::run(&folder, &args, output).await,
        Command::Models(args) => models::run(&folder, &args, output).await,
        Command::Psql(args) => psql::run(&folder, &args).await,
        Command::Replay(args) => replay::run(&folder, &args, output).await,
        Command::Report(args) => report::run(&folder, &args, output).await,
        Command::Reconcile(args) => reconcile::run(&folder, &args, output).await,
        Command::Resume(args) => resume::run(&folder, &args, output).await,
        Command::Rules(args) => rules::run(&folder, args, output).await,
        Command::Retain(args) => retain::run(&folder, &args, output).await,
        Command::Score(args) => score::run(&folder, &args, output).await,
        Command::Tap(args) => tap::run(&folder, &args, output).await,
        Command::Test(args) => test::run(&folder, &args, output),
        Command::Top(args) => top::run(&folder, &args, output).await,
        Command::Trace(args) => trace::run(&folder, &args, output).await,
        Command::Train(args) => train::run(&folder, &args, output).await,
        Command::Completions(args) => completions::run(&args),
        Command::Init(args) => init::run(&folder, args, output).await,
        Command::Man(args) => man::run(&args, output),
        Command::Profile(args) => profile::run(args, output).await,
        Command::Doctor(args) => doctor::run(&folder, &args, output).await,
        Command::Demo(args) => demo::run(&folder, &args, output).await,
        Command::Publish(args) => publish::run(&folder, args, output).await,
        Command::Serve(args) => serve::run(&folder, &args).await,
        Command::Verify(args) => verify::run(&folder, &args, output).await,
        Command::Validate(args) => validate::run(&folder, args, output).await,
    }
}
