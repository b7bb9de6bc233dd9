//! `muster rules backtest`: changed rules on stored rows, before they go live.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use muster_spec::Contract;
use muster_store::{FolderStore, Role};
use serde_json::json;
use tokio::runtime::Handle;

use crate::backtesting::{Backtest, Group, RuleFlips, Tally, lead};
use crate::cli::{BacktestArgs, RulesAction, RulesArgs};
use crate::contracts;
use crate::exit::Exit;
use crate::ingest::schemas::kept;
use crate::output::{Output, table};
use crate::project::{Project, contract_file};
use crate::reading::Reading;
use crate::servers::Database;

/// Rules and values that are told on the terminal.
const LINES_MAX: usize = 20;

/// Judges stored rows by the changed contract and says whose verdict changes; more than allowed is a finding.
pub async fn run(folder: &Path, args: RulesArgs, output: Output) -> anyhow::Result<Exit> {
    let RulesAction::Backtest(args) = args.action;
    let contract = if contracts::is_file(&args.contract) {
        contract_file(&args.contract)?
    } else {
        Project::load_contract(folder, &args.contract.to_string_lossy())?
    };
    let by = args
        .by
        .as_deref()
        .map(|column| column_of(&contract, column, args.show_personal))
        .transpose()?;
    let database = Database::open(folder, &args.database).await?;
    let ledger = database.ledger(Role::Read).await?;
    let nothing = || {
        anyhow!(
            "nothing of `{0}` was committed in that time\n  hint: the file's name says whose rows are meant: \
             `{0}.contract.yaml`",
            contract.name
        )
    };
    let reading = Reading::open(&ledger, &contract.name, "backtest").await?;
    let reading = reading.ok_or_else(nothing)?;
    let upto = reading.version();
    let files = ledger
        .history(&contract.name, upto, args.since, lead(&contract))
        .await?;
    if !files.iter().any(|file| file.is_asked) {
        return Err(nothing());
    }
    let mut repaired = HashMap::new();
    for file in &files {
        if let Entry::Vacant(source) = repaired.entry(file.source) {
            source.insert(ledger.repaired_rows(file.source, Some(upto)).await?);
        }
    }
    let bar = Output::bar(files.iter().map(|file| file.file.rows).sum(), "rows");
    let (shown, judged_by, folder) = (bar.clone(), Arc::clone(&contract), folder.to_owned());
    let runtime = Handle::current();
    let work = tokio::task::spawn_blocking(move || {
        let backtest = Backtest {
            contract: &judged_by,
            by,
            files: &FolderStore::new(&folder),
            repaired,
            find: &|id| runtime.block_on(kept(&ledger, id)),
            progress: &|rows| shown.inc(rows),
        };
        backtest.run(&files)
    });
    let tally = work.await?;
    bar.finish_and_clear();
    reading.close().await;
    database.close().await;
    let tally = tally?;
    output.json(&as_json(&contract, &args, &tally))?;
    output.text(&describe(&contract, &args, &tally))?;
    let is_over = args.max_flips.is_some_and(|most| tally.all.flips() > most);
    Ok(if is_over { Exit::Finding } else { Exit::Fine })
}

fn column_of(contract: &Contract, column: &str, show_personal: bool) -> anyhow::Result<usize> {
    let known = || {
        contract
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let field = contract.field(column);
    let field = field.with_context(|| {
        format!(
            "`{}` has no column `{column}`\n  hint: it has {}",
            contract.name,
            known()
        )
    })?;
    if contract.fields[field].personal && !show_personal {
        bail!(
            "`{column}` is personal: its values would be printed\n  hint: --show-personal prints them; `public:` in the \
             contract is for columns that everybody may see"
        );
    }
    Ok(field)
}

/// Rules of which a verdict or a count changes, those that change most first.
fn changing(tally: &Tally) -> Vec<&RuleFlips> {
    let changes =
        |rule: &&RuleFlips| rule.caught + rule.released > 0 || rule.before.is_some_and(|before| before != rule.now);
    let mut rules: Vec<&RuleFlips> = tally.rules.iter().filter(changes).collect();
    rules.sort_by_key(|rule| std::cmp::Reverse(rule.caught + rule.released));
    rules
}

/// The values of the column counted by, those that change most first.
fn groups(tally: &Tally) -> Vec<(&String, &Group)> {
    let mut groups: Vec<(&String, &Group)> = tally.groups.iter().collect();
    groups.sort_by_key(|(_, group)| std::cmp::Reverse((group.flips(), group.rows)));
    groups
}

fn as_json(contract: &Contract, args: &BacktestArgs, tally: &Tally) -> serde_json::Value {
    let by = args.by.as_ref().map(|column| {
        let values = groups(tally).into_iter();
        let values = values.map(|(value, group)| json!({ "value": value, "counts": group }));
        json!({ "column": column, "values": values.collect::<Vec<_>>() })
    });
    json!({
        "contract": contract.name,
        "version": contract.version,
        "since_secs": args.since.as_secs(),
        "counts": tally.all,
        "flips": tally.all.flips(),
        "max_flips": args.max_flips,
        "rules": tally.rules,
        "by": by,
    })
}

fn describe(contract: &Contract, args: &BacktestArgs, tally: &Tally) -> String {
    let Group {
        rows,
        bad_before,
        bad_now,
        caught,
        released,
    } = tally.all;
    let mut text = format!(
        "{} {} on {rows} stored rows: {caught} newly caught, {released} newly released; {bad_before} bad before, {bad_now} now",
        contract.name,
        contract.version.short()
    );
    if let Some(most) = args.max_flips.filter(|most| tally.all.flips() > *most) {
        let _ = write!(
            text,
            "\n{} verdicts change, more than the {most} allowed",
            tally.all.flips()
        );
    }
    let changing = changing(tally);
    if !changing.is_empty() {
        let lines = changing.iter().take(LINES_MAX).map(|rule| {
            let example = rule
                .caught_at
                .first()
                .or(rule.released_at.first())
                .map(ToString::to_string)
                .unwrap_or_default();
            let before = rule.before.map_or("-".to_owned(), |before| before.to_string());
            let [now, caught, released] = [rule.now, rule.caught, rule.released].map(|count| count.to_string());
            vec![rule.rule.clone(), before, now, caught, released, example]
        });
        let header = ["rule", "broke it before", "now", "caught", "released", "first at"];
        let _ = write!(text, "\n{}", table(&header, &[1, 2, 3, 4], lines));
    }
    if let Some(column) = &args.by {
        let lines = groups(tally).into_iter().take(LINES_MAX).map(|(value, group)| {
            let counts = [
                group.rows,
                group.bad_before,
                group.bad_now,
                group.caught,
                group.released,
            ];
            std::iter::once(value.clone())
                .chain(counts.map(|count| count.to_string()))
                .collect()
        });
        let header = [column.as_str(), "rows", "bad before", "now", "caught", "released"];
        let _ = write!(text, "\n{}", table(&header, &[1, 2, 3, 4, 5], lines));
    }
    text
}
