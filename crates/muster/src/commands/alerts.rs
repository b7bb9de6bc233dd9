//! `muster alerts`: what people are told: listed, sent again, tested, sent.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use muster_monitor::Delivery;
use muster_store::ledger::alert_messages::MessageState;
use muster_store::ledger::alerts::TargetState;
use muster_store::{Ledger, Role};
use serde_json::json;

use crate::alerting::{Post, Sender, test_message};
use crate::cli::{AlertsAction, AlertsArgs, DatabaseArgs, MessageStateName};
use crate::exit::Exit;
use crate::metrics::Metrics;
use crate::output::{Output, table};
use crate::project::Project;
use crate::servers::Database;
use crate::shutdown::Shutdown;

/// How long a message that is being tried may take after a stop is asked for.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);

/// Lists, sends again, tests or sends.
pub async fn run(folder: &Path, args: &AlertsArgs, output: Output) -> anyhow::Result<Exit> {
    match &args.action {
        AlertsAction::List {
            target,
            state,
            count,
            database,
        } => {
            let (database, ledger) = open(folder, database, Role::Read).await?;
            let state = state.map(MessageStateName::word);
            list(&ledger, target.as_deref(), state, *count, output).await?;
            database.close().await;
        }
        AlertsAction::Resend {
            message,
            target,
            database,
        } => {
            let (database, ledger) = open(folder, database, Role::Ingest).await?;
            resend(&ledger, message.as_deref(), target.as_deref(), output).await?;
            database.close().await;
        }
        AlertsAction::Test { target, print, link } => {
            let project = Project::load(folder)?;
            let target = project.target(target)?;
            let post = Post::new(&project, &target, link.public_url.clone())?;
            return test(&post, &test_message(&target.name), *print, output).await;
        }
        AlertsAction::Send { once, link, database } => {
            let project = Project::load(folder)?;
            if project.targets.is_empty() {
                bail!("the project has no alert target\n  hint: make `alerts/NAME.yaml`");
            }
            let (database, ledger) = open(folder, database, Role::Ingest).await?;
            let shutdown = Shutdown::on_signals(DRAIN_LIMIT)?;
            let sender = Sender::new(&project, ledger, link.public_url.clone(), Metrics::new(), shutdown)?;
            if *once {
                let (delivered, failed) = sender.once().await?;
                output.json(&json!({ "delivered": delivered, "failed": failed }))?;
                output.text(&format!("{delivered} messages delivered, {failed} not taken"))?;
            } else {
                sender.run().await;
            }
            database.close().await;
        }
    }
    Ok(Exit::Fine)
}

async fn open(folder: &Path, args: &DatabaseArgs, role: Role) -> anyhow::Result<(Database, Ledger)> {
    let database = Database::open(folder, args).await?;
    let ledger = database.ledger(role).await?;
    Ok((database, ledger))
}

async fn list(
    ledger: &Ledger,
    target: Option<&str>,
    state: Option<&str>,
    count: u32,
    output: Output,
) -> anyhow::Result<()> {
    let unassigned = ledger.alerts_unassigned().await?;
    let mut targets = ledger.alert_targets().await?;
    targets.retain(|known| target.is_none_or(|wanted| wanted == known.target));
    let messages = ledger.alert_messages(target, state, count).await?;
    output.json(&json!({
        "unassigned": unassigned,
        "targets": targets.iter().map(target_json).collect::<Vec<_>>(),
        "messages": messages,
    }))?;
    let header = ["target", "waiting", "open", "parked", "oldest", "state"];
    output.text(&table(&header, &[1, 2, 3, 4], targets.iter().map(target_row)))?;
    let header = [
        "message",
        "target",
        "about",
        "alerts",
        "state",
        "tries",
        "made",
        "last trouble",
    ];
    output.text(&table(&header, &[3, 5], messages.iter().map(message_row)))?;
    if unassigned > 0 {
        output.text(&format!(
            "{unassigned} alerts wait for a sender: `muster serve` or `muster alerts send`"
        ))?;
    }
    Ok(())
}

fn target_json(state: &TargetState) -> serde_json::Value {
    json!({
        "target": state.target,
        "waiting": state.waiting,
        "open": state.open,
        "parked": state.parked,
        "oldest_open_secs": state.oldest_open.as_secs(),
        "disabled_at": state.disabled_at,
        "disabled_reason": state.disabled_reason,
    })
}

fn target_row(state: &TargetState) -> Vec<String> {
    let is = match (&state.disabled_at, &state.disabled_reason) {
        (Some(at), Some(reason)) => format!("disabled {}: {reason}", at.format("%Y-%m-%d %H:%M UTC")),
        _ => "enabled".to_owned(),
    };
    vec![
        state.target.clone(),
        state.waiting.to_string(),
        state.open.to_string(),
        state.parked.to_string(),
        match state.open {
            0 => String::new(),
            _ => format!("{} s", state.oldest_open.as_secs()),
        },
        is,
    ]
}

fn message_row(message: &MessageState) -> Vec<String> {
    let state = match message.next_try_at {
        Some(at) => format!("open, again {}", at.format("%H:%M:%S UTC")),
        None => message.state.clone(),
    };
    vec![
        message.id.clone(),
        message.target.clone(),
        message.group.clone(),
        message.alerts.to_string(),
        state,
        message.tries.to_string(),
        message.made_at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        message.last_error.clone().unwrap_or_default(),
    ]
}

async fn resend(ledger: &Ledger, message: Option<&str>, target: Option<&str>, output: Output) -> anyhow::Result<()> {
    let count = match (message, target) {
        (Some(id), _) if !ledger.resend_alert_message(id).await? => {
            bail!(
                "there is no message `{id}`, or it is being tried right now\n  hint: `muster alerts list` shows them"
            );
        }
        (Some(_), _) => 1,
        (None, target) => {
            let target = target.context("neither a message nor a target was named")?;
            ledger.resend_alert_messages_of(target).await?
        }
    };
    output.json(&json!({ "messages": count }))?;
    output.text(&format!("{count} messages will be tried again at once"))
}

async fn test(post: &Post, message: &muster_batch::AlertMessage, print: bool, output: Output) -> anyhow::Result<Exit> {
    if print {
        let body: serde_json::Value = serde_json::from_str(&post.body(message).text)?;
        output.json(&body)?;
        output.text(&serde_json::to_string_pretty(&body)?)?;
        return Ok(Exit::Fine);
    }
    let (exit, failure, told) = match post.deliver(message).await {
        Delivery::Taken => (Exit::Fine, None, "the message was taken".to_owned()),
        Delivery::Failed { failure, why, .. } => (
            Exit::Finding,
            Some(failure.word()),
            format!("the message was not taken: {why}"),
        ),
    };
    output.json(&json!({ "message": message.id, "target": message.target, "failure": failure, "told": told }))?;
    output.text(&told)?;
    Ok(exit)
}
