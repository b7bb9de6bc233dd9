//! A contract named on the command line: a file, one of the project's, or a version that the ledger keeps.
//!
//! Used by `contract diff` and `rules backtest`, and by whoever reads an old row by the contract that judged it.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use muster_spec::{Contract, ContractName};
use muster_store::ledger::contracts::KeptContract;
use muster_store::{Ledger, Role};

use crate::cli::DatabaseArgs;
use crate::project::{Project, contract_file};
use crate::servers::Database;

/// What stands for a contract's newest version in `NAME@latest`.
const LATEST: &str = "latest";

/// The contract that is meant by a file, a name or `NAME@VERSION`.
pub async fn named(folder: &Path, name: &str, database: &DatabaseArgs) -> anyhow::Result<Arc<Contract>> {
    if is_file(Path::new(name)) {
        return contract_file(Path::new(name));
    }
    let Some((name, version)) = name.split_once('@') else {
        return Project::load_contract(folder, name);
    };
    let database = Database::open(folder, database).await?;
    let found = kept(&database.ledger(Role::Read).await?, &ContractName::from(name), version).await;
    database.close().await;
    found
}

/// Whether a file is meant rather than a contract's name.
pub fn is_file(named: &Path) -> bool {
    named
        .extension()
        .is_some_and(|ending| ending == "yaml" || ending == "yml")
        || named.is_file()
}

/// The version of a contract that the ledger keeps under these first digits, or its newest.
async fn kept(ledger: &Ledger, name: &ContractName, version: &str) -> anyhow::Result<Arc<Contract>> {
    let digits = if version == LATEST { "" } else { version };
    let found = ledger.kept_contract(name, digits).await?;
    let found = found.with_context(|| {
        format!("the ledger keeps no version `{version}` of `{name}`\n  hint: `{name}@{LATEST}` is the newest it has")
    })?;
    read(name, &found).map(Arc::new)
}

/// A contract as it was when it judged. Its listed writers are not kept with it: their schemas are, each under its id.
pub fn read(name: &ContractName, kept: &KeptContract) -> anyhow::Result<Contract> {
    let file = format!("{name}@{}", kept.version.short());
    let open = |_: &str| Some(kept.schema_text.clone());
    match muster_spec::read::contract(name.as_str(), &file, &kept.text, &open) {
        Ok(contract) => Ok(contract),
        Err(problems) => bail!(
            "a version of a contract that the ledger keeps cannot be read by this version of the program\n{}",
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        ),
    }
}
