//! The binary: reads the command line, starts logging and the runtime, runs one command, turns its end into an exit
//! code.
//!
//! Everything that knows of the process (flags, environment, clocks, signals, channels, schedules, HTTP, metrics) lives
//! in this crate; the stage crates it wires together know nothing of it or of each other.

mod alerting;
mod backtesting;
mod cli;
mod commands;
mod contracts;
mod doctor;
mod dropping;
mod exit;
mod failpoint;
mod file_lines;
mod generate;
mod housekeeping;
mod http;
mod ingest;
mod logging;
mod masking;
mod metrics;
mod output;
mod profiling;
mod project;
mod publishing;
mod reading;
mod repairing;
mod reporting;
mod schedule;
mod scoring;
mod servers;
mod shipped;
mod shutdown;
mod tables;
mod tap;
mod text_flags;
mod top;
mod traces;
mod validating;
mod verifying;
mod worker;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    failpoint::start();
    let cli = cli::Cli::parse();
    logging::start(&cli.log, cli.log_format);
    logging::keep_panics_quiet();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::could_not(&anyhow::Error::new(error).context("could not start the runtime")),
    };
    let ended = runtime.block_on(commands::run(cli));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => exit::could_not(&error),
    }
}
