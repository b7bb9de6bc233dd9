//! `muster profile`: what is in a table that no contract describes yet.

use std::path::{Path, PathBuf};

use anyhow::Context;
use muster_report::{Bound, TableColumn, TableProfile, table_html, table_json};

use crate::cli::ProfileArgs;
use crate::exit::Exit;
use crate::output::{NAME_SIGNS_MAX, Output, short, table};
use crate::profiling;
use crate::tables;

/// Values of a text that are shown on the terminal.
const VALUES_MAX: usize = 3;
/// Signs of a value that are shown there.
const SIGNS_MAX: usize = 18;
/// What is told of each column; `label` is how well it alone tells the label.
const HEADER: [&str; 10] = [
    "column",
    "holds",
    "role",
    "missing",
    "distinct",
    "least",
    "median",
    "greatest",
    "label",
    "distribution",
];
/// Bars of a distribution, from few rows to many.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Looks at the file, says what is in it and writes the page.
pub async fn run(args: ProfileArgs, output: Output) -> anyhow::Result<Exit> {
    let reading = tables::read_shown(args.file.clone(), args.label.clone()).await?;
    let profile = profiling::profile(&reading, &args.file);
    output.json(&profile)?;
    output.text(&describe(&profile, reading.lost()))?;
    // With JSON on standard output nobody asked for files, unless by name.
    let page = match args.out {
        None if output.is_json() => return Ok(Exit::Fine),
        None => PathBuf::from(format!("{}.profile.html", profile.file)),
        Some(page) => page,
    };
    let data = page.with_extension("json");
    write(&page, &table_html(&profile)?)?;
    write(&data, &table_json(&profile)?)?;
    Output::say(&format!("see {} and {}", page.display(), data.display()));
    Ok(Exit::Fine)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("could not write `{}`", path.display()))
}

fn describe(profile: &TableProfile, lost: Vec<String>) -> String {
    let (file, rows, columns) = (&profile.file, profile.rows, profile.columns.len());
    let mut lines = vec![format!(
        "{file}: {rows} rows, {columns} columns; {}",
        profile.written.join(", ")
    )];
    lines.extend(lost);
    lines.extend(profile.label.as_ref().map(|label| {
        format!(
            "label `{}`: {} rows `{}`, {} `{}`, {} without; {}",
            label.column,
            label.positive_rows,
            label.positive,
            label.negative_rows,
            label.negative,
            label.unlabelled_rows,
            label.why
        )
    }));
    lines.extend(profile.notes.iter().cloned());
    lines.push(table(&HEADER, &[3, 4, 5, 6, 7, 8], profile.columns.iter().map(row)));
    if !profile.findings.is_empty() {
        let rows = profile.findings.iter();
        let rows = rows.map(|finding| {
            vec![
                finding.kind.word().to_owned(),
                short(&finding.column, NAME_SIGNS_MAX).into_owned(),
                finding.told.clone(),
            ]
        });
        lines.push(table(&["worth a look", "column", "found"], &[], rows));
    }
    lines.join("\n")
}

fn row(column: &TableColumn) -> Vec<String> {
    let numbers = column.numbers.as_ref();
    let shown = |of: &dyn Fn(&muster_report::NumberSpread) -> &Bound| {
        numbers.map(|numbers| bound(of(numbers))).unwrap_or_default()
    };
    vec![
        short(&column.name, NAME_SIGNS_MAX).into_owned(),
        column.kind.clone(),
        column.role.clone(),
        if column.missing == 0 {
            String::new()
        } else {
            format!("{:.1} %", column.missing_share * 100.0)
        },
        column
            .distinct
            .map(|distinct| distinct.count.to_string())
            .unwrap_or_default(),
        shown(&|numbers| &numbers.min),
        shown(&|numbers| &numbers.median),
        shown(&|numbers| &numbers.max),
        column
            .association
            .map(|found| format!("{found:.2}"))
            .unwrap_or_default(),
        distribution(column),
    ]
}

fn bound(bound: &Bound) -> String {
    match bound {
        Bound::Number(number) => ((number * 1000.0).round() / 1000.0).to_string(),
        Bound::Time(time) => time.clone(),
    }
}

/// Bars for numbers, the most frequent values for texts.
fn distribution(column: &TableColumn) -> String {
    if let Some(numbers) = &column.numbers {
        let most = numbers.histogram.iter().max().copied().unwrap_or_default().max(1);
        let bar = |rows: &u64| match *rows {
            0 => ' ',
            rows => BARS[(rows * (BARS.len() as u64 - 1)).div_ceil(most) as usize],
        };
        return numbers.histogram.iter().map(bar).collect();
    }
    let values = column
        .values
        .iter()
        .flat_map(|values| values.top.iter().take(VALUES_MAX));
    let value = |level: &muster_report::Level| {
        let short: String = level.value.chars().take(SIGNS_MAX).collect();
        format!("{} {}", short.trim(), level.rows)
    };
    values.map(value).collect::<Vec<_>>().join(", ")
}
