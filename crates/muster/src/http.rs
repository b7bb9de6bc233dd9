//! The HTTP routes every long-running command answers: `/metrics`, `/livez`, `/readyz`, and `/reports/`, which
//! [`crate::reporting`] holds.
//!
//! `/livez` answers while the process runs, to the end of its draining. `/readyz` answers 200 only while every part says
//! it can work and no stop was asked for, else 503 with the reasons. Bodies hold names and states, never a value of a person's data.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};

use crate::metrics::Metrics;
use crate::output::Output;
use crate::reporting::Routes;
use crate::shutdown::Shutdown;

/// Which parts of the process can work. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    parts: Arc<Mutex<BTreeMap<String, Option<String>>>>,
}

impl Readiness {
    /// A part can work.
    pub fn ready(&self, part: &str) {
        self.set(part, None);
    }

    /// A part cannot work, and why.
    pub fn not_ready(&self, part: &str, why: impl Into<String>) {
        self.set(part, Some(why.into()));
    }

    /// Whether a part can work, as far as it has said.
    pub fn is_ready(&self, part: &str) -> bool {
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.get(part).is_none_or(Option::is_none)
    }

    fn set(&self, part: &str, state: Option<String>) {
        self.parts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(part.to_owned(), state);
    }

    fn reasons(&self) -> BTreeMap<String, Option<String>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What a long-running process shows of itself. Cloning shares it.
#[derive(Clone)]
pub struct Process {
    /// What is counted.
    pub metrics: Metrics,
    /// Which parts can work.
    pub readiness: Readiness,
    /// Whether it is asked to stop.
    pub shutdown: Shutdown,
}

impl Process {
    /// One that signals stop, and that then drains for at most as long.
    pub fn new(drain_secs: f64) -> anyhow::Result<Self> {
        Ok(Self {
            metrics: Metrics::new(),
            readiness: Readiness::default(),
            shutdown: Shutdown::on_signals(Duration::from_secs_f64(drain_secs))?,
        })
    }
}

/// Answers HTTP on `address` for as long as the process runs, and tells people where: the port may be one that was free.
///
/// Must be called within the runtime.
pub async fn start(address: &str, process: Process, reports: Routes) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(address).await.with_context(|| {
        format!("could not listen on `{address}`\n  hint: another process may hold the port; choose one with --http")
    })?;
    let bound = listener
        .local_addr()
        .context("could not read the address listened on")?;
    let routes = Router::new()
        .route("/metrics", get(metrics_text))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .with_state(process)
        .merge(reports.router(bound)?);
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            tracing::error!(%error, "HTTP ended");
        }
    });
    Output::say(&format!(
        "answering http://{bound}/metrics, /livez, /readyz and /reports/"
    ));
    Ok(())
}

async fn metrics_text(State(process): State<Process>) -> Response {
    match process.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "could not write the metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn readyz(State(process): State<Process>) -> Response {
    let mut parts = process.readiness.reasons();
    if process.shutdown.is_asked() {
        parts.insert("process".to_owned(), Some("stopping".to_owned()));
    }
    let code = if parts.values().all(Option::is_none) {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let told: BTreeMap<String, String> = parts
        .into_iter()
        .map(|(part, why)| (part, why.unwrap_or_else(|| "ready".to_owned())))
        .collect();
    (code, Json(told)).into_response()
}
