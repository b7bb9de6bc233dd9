//! `muster man`: the manual, a page a command.

use anyhow::Context;
use clap::CommandFactory;
use serde_json::json;

use crate::cli::{Cli, ManArgs};
use crate::exit::Exit;
use crate::output::Output;

/// Writes `muster.1` and a `muster-COMMAND.1` for each command.
pub fn run(args: &ManArgs, output: Output) -> anyhow::Result<Exit> {
    let folder = &args.folder;
    std::fs::create_dir_all(folder).with_context(|| format!("could not make `{}`", folder.display()))?;
    clap_mangen::generate_to(Cli::command(), folder)
        .with_context(|| format!("could not write pages to `{}`", folder.display()))?;
    let pages = std::fs::read_dir(folder)?.filter_map(Result::ok);
    let is_ours = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("muster");
    let count = pages.filter(|page| is_ours(&page.file_name())).count();
    output.json(&json!({ "folder": folder, "pages": count }))?;
    output.text(&format!("{count} pages in {}", folder.display()))?;
    Ok(Exit::Fine)
}
