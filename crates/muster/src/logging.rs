//! Structured log lines on standard error.
//!
//! Started once by `main`. Log lines hold names, positions, counts and durations, never a value of a person's data.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::cli::OutputFormat;

/// Starts logging with a filter in tracing's words; a filter that does not parse becomes `warn`.
pub fn start(filter: &str, format: OutputFormat) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("warn"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        OutputFormat::Text => lines.init(),
        OutputFormat::Json => lines.json().flatten_event(true).init(),
    }
}

/// Has panics logged by their place alone: a message may quote a value of a person's data.
pub fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a bug: a thread panicked");
    }));
}
