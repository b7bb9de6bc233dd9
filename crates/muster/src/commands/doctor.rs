//! `muster doctor`: what would go wrong, and what to do about it.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::cli::DoctorArgs;
use crate::doctor::{Line, State, brokers, database, machine, project, registry};
use crate::exit::Exit;
use crate::ingest::schemas;
use crate::output::{Output, counted, table};
use crate::servers::{self, Database};

/// Looks at everything and says how it is; something that will not work is a finding.
pub async fn run(folder: &Path, args: &DoctorArgs, output: Output) -> anyhow::Result<Exit> {
    let limit = Duration::from_secs_f64(args.wait_secs);
    let (mut lines, read) = project::files(folder);
    lines.extend(project::folders(folder));
    lines.extend(machine::versions());
    lines.extend(machine::limits());
    let named = args.kafka.brokers.is_some();
    let connection = named.then(|| servers::kafka(&args.kafka, None));
    let asked = read.clone();
    let brokers = tokio::task::spawn_blocking(move || brokers::look(connection, asked.as_ref(), limit));
    lines.extend(brokers.await?);
    let url = servers::registry_url(&args.kafka).and_then(schemas::registry);
    lines.extend(registry::look(url, read.as_ref()).await);
    match Database::find(folder, &args.database).await {
        Ok(None) => lines.extend(database::not_made()),
        Ok(Some(opened)) => {
            let mut settings = opened.settings.clone();
            (settings.connect, settings.answer) = (limit, limit);
            lines.extend(database::look(Ok(settings)).await);
            opened.close().await;
        }
        Err(error) => lines.extend(database::look(Err(error)).await),
    }
    let worst = lines.iter().map(|line| line.state).max().unwrap_or(State::Ok);
    let of = |state: State| lines.iter().filter(|line| line.state == state).count();
    let counts = [State::Ok, State::Warn, State::Fail].map(of);
    output.json(&json!({
        "state": worst, "ok": counts[0], "warn": counts[1], "fail": counts[2], "lines": lines,
    }))?;
    output.text(&describe(&lines, counts))?;
    Ok(if worst == State::Fail {
        Exit::Finding
    } else {
        Exit::Fine
    })
}

fn describe(lines: &[Line], [ok, warn, fail]: [usize; 3]) -> String {
    let row = |line: &Line| {
        let about = format!("{}: {}", line.area, line.about);
        vec![line.state.word().to_owned(), about, line.found.clone()]
    };
    let mut told = vec![table(&["", "looked at", "found"], &[], lines.iter().map(row))];
    for line in lines.iter().filter(|line| line.state != State::Ok) {
        let todo = line.todo.as_deref().unwrap_or_default();
        told.push(format!("{} {}, {}: {todo}", line.state.word(), line.area, line.about));
    }
    told.push(format!(
        "{ok} ok, {}, {}",
        counted(warn as u64, "warning"),
        counted(fail as u64, "failure")
    ));
    told.join("\n")
}
