//! What a command says: results on standard output, talk on standard error.
//!
//! Used by every command. Nothing else in the crate prints.

use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::cli::OutputFormat;

/// Signs of a column's name that tables show.
pub const NAME_SIGNS_MAX: usize = 60;

/// Where a command's words go.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    /// How results are written.
    pub format: OutputFormat,
}

impl Output {
    /// Whether results are one JSON value.
    pub fn is_json(self) -> bool {
        self.format == OutputFormat::Json
    }

    /// A result for people; nothing in JSON.
    pub fn text(self, text: &str) -> anyhow::Result<()> {
        if self.is_json() {
            Ok(())
        } else {
            print(&printable(text)).map(drop)
        }
    }

    /// One of many results, on a line of its own; `false` when its reader went away and nobody waits for more.
    pub fn line(text: &str) -> anyhow::Result<bool> {
        print(text)
    }

    /// Whether results may have colours: people look at them, and did not say `NO_COLOR`.
    pub fn has_colours() -> bool {
        std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty())
    }

    /// A result for programs; nothing in text.
    pub fn json(self, value: &impl Serialize) -> anyhow::Result<()> {
        if !self.is_json() {
            return Ok(());
        }
        print(&serde_json::to_string_pretty(value).context("could not write the result as JSON")?).map(drop)
    }

    /// Talk: what goes on, on standard error.
    pub fn say(text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// A bar for long work of known size; hidden where standard error is no terminal.
    pub fn bar(total: u64, what: &'static str) -> ProgressBar {
        if !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::new(total).with_style(style).with_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}

/// Writes a line to standard output; a reader that went away is no error and answers `false`.
fn print(text: &str) -> anyhow::Result<bool> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", text.trim_end_matches('\n')).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("could not write the result"),
    }
}

/// A text whose control characters are written as their escapes: what stands in a file does not speak to the terminal. Lines
/// still end.
pub fn printable(text: &str) -> Cow<'_, str> {
    let speaks = |sign: char| sign.is_control() && sign != '\n';
    if !text.contains(speaks) {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len() + 8);
    for sign in text.chars() {
        if speaks(sign) {
            written.extend(sign.escape_debug());
        } else {
            written.push(sign);
        }
    }
    Cow::Owned(written)
}

/// A name's beginning, where it is too long for a table.
pub fn short(name: &str, signs_max: usize) -> Cow<'_, str> {
    match name.char_indices().nth(signs_max) {
        Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
        None => Cow::Borrowed(name),
    }
}

/// A number of things in words: `1 model`, `2 batches`.
pub fn counted(count: u64, one: &str) -> String {
    let end = match one {
        _ if count == 1 => "",
        one if one.ends_with("ch") => "es",
        _ => "s",
    };
    format!("{count} {one}{end}")
}

/// A table for people; the columns named in `numbers` are aligned to the right.
pub fn table(header: &[&str], numbers: &[usize], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_BORDERS_ONLY)
        .set_header(header.iter().copied());
    for row in rows {
        table.add_row(row.iter().map(|cell| printable(cell)));
    }
    for number in numbers {
        if let Some(column) = table.column_mut(*number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

#[cfg(test)]
#[path = "output_tests.rs"]
mod tests;
