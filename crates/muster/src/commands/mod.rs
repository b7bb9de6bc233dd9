//! The commands, one file each. A command reads its arguments, does its work through the stages, and says how it ended.

mod check;
mod generate;

use crate::cli::{Cli, Command};
use crate::exit::Exit;
use crate::output::Output;

/// Runs the command that was asked for.
pub async fn run(cli: Cli) -> anyhow::Result<Exit> {
    let output = Output { format: cli.format };
    let folder = cli.project;
    match cli.command {
        Command::Check(args) => check::run(&folder, &args, output),
        Command::Generate(args) => generate::run(&args, output),
        _ => anyhow::bail!("not wired yet"),
    }
}
