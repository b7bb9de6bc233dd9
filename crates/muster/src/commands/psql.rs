//! `muster psql`: opens PostgreSQL's own client on the ledger.

use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use anyhow::Context;

use crate::cli::PsqlArgs;
use crate::exit::Exit;
use crate::servers::Database;

/// Runs psql with the ledger's tables in its search path; its end is ours.
pub async fn run(folder: &Path, args: &PsqlArgs) -> anyhow::Result<Exit> {
    let database = Database::open(folder, &args.database).await?;
    let (address, password) = database.settings.for_psql()?;
    let mut psql = tokio::process::Command::new(database.psql());
    psql.env("PGOPTIONS", "-c search_path=muster,public")
        .arg("--dbname")
        .arg(address);
    if let Some(password) = password {
        psql.env("PGPASSWORD", std::ffi::OsString::from_vec(password));
    }
    if let Some(statement) = &args.command {
        psql.args(["--no-psqlrc", "--set", "ON_ERROR_STOP=1", "--command", statement]);
    }
    let ended = psql
        .status()
        .await
        .context("could not run `psql`\n  hint: install PostgreSQL's client programs");
    database.close().await;
    if ended?.success() {
        Ok(Exit::Fine)
    } else {
        anyhow::bail!("psql ended with an error")
    }
}
