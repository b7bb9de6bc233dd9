//! Structured log lines on standard error.
//!
//! Started once by `main`. Log lines hold names, positions, counts and durations, never a value of a person's data.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use tracing_subscriber::EnvFilter;

use crate::cli::OutputFormat;

/// Starts logging with a filter in tracing's words; a filter that does not parse becomes `warn`.
pub fn start(filter: &str, format: OutputFormat) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("warn"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        OutputFormat::Text => lines.init(),
        OutputFormat::Json => lines.json().flatten_event(true).init(),
    }
}

/// Whether lines that would go to a terminal are dropped.
static HELD_BACK: AtomicBool = AtomicBool::new(false);

/// While this lives, standard error gets no log line where it is a terminal: a full screen is shown there.
pub struct HeldBack(());

/// Holds log lines back from the terminal.
pub fn hold_back() -> HeldBack {
    HELD_BACK.store(true, Ordering::Release);
    HeldBack(())
}

impl Drop for HeldBack {
    fn drop(&mut self) {
        HELD_BACK.store(false, Ordering::Release);
    }
}

fn writer() -> Box<dyn Write> {
    let stderr = std::io::stderr();
    if HELD_BACK.load(Ordering::Acquire) && stderr.is_terminal() {
        Box::new(std::io::sink())
    } else {
        Box::new(stderr)
    }
}

/// Has panics logged by their place alone: a message may quote a value of a person's data.
pub fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        // Whoever had the terminal has given it back by now.
        HELD_BACK.store(false, Ordering::Release);
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a bug: a thread panicked");
    }));
}
