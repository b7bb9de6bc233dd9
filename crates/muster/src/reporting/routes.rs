//! `/reports/`: the list of reports, and each as a page or as JSON.
//!
//! Answered by every long-running command that has a ledger. Every route asks [`Admission`] first. Nothing is kept by
//! browsers or proxies. Making a report is work: one is made at a time, a few wait, and more are told to come again.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use muster_report::Report;
use muster_spec::BatchId;
use muster_store::ledger::report::Scope;
use tokio::sync::Semaphore;

use super::admission::{Admission, Refusal};
use super::of_ledger::Reporter;

/// Requests that wait while a report is made.
const WAITING_MAX: usize = 4;

/// What the routes work with.
pub struct Routes {
    reporter: Reporter,
    token: Option<String>,
}

struct Shared {
    reporter: Reporter,
    admission: Admission,
    turn: Semaphore,
    waiting: AtomicUsize,
}

impl Routes {
    /// Routes to a reporter's reports, for whoever has the token where there is one.
    pub fn new(reporter: Reporter, token: Option<String>) -> Self {
        Self { reporter, token }
    }

    /// The routes of a process that answers on `bound`.
    pub fn router(self, bound: SocketAddr) -> anyhow::Result<Router> {
        let shared = Arc::new(Shared {
            admission: Admission::new(self.token.as_deref(), bound)?,
            reporter: self.reporter,
            turn: Semaphore::new(1),
            waiting: AtomicUsize::new(0),
        });
        Ok(Router::new()
            .route("/reports", get(|| async { Redirect::permanent("reports/") }))
            .route("/reports/", get(index))
            .route("/reports/{contract}/{day}", get(day))
            .route("/reports/{contract}/batch/{batch}", get(batch))
            .layer(from_fn_with_state(Arc::clone(&shared), guard))
            .with_state(shared))
    }
}

/// Lets only those in who may read, and marks every answer as nothing to keep.
async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let mut response = match shared.admission.admit(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            tracing::warn!(?refusal, "a report was refused");
            let code = match refusal {
                Refusal::Token => StatusCode::UNAUTHORIZED,
                Refusal::Host | Refusal::Closed => StatusCode::FORBIDDEN,
            };
            let mut response = told(code, refusal.words());
            if refusal == Refusal::Token {
                let asked = HeaderValue::from_static("Basic realm=\"Muster reports\", charset=\"UTF-8\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, asked);
            }
            response
        }
    };
    let headers = response.headers_mut();
    let policy = HeaderValue::from_str(&muster_report::policy());
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        policy.unwrap_or(HeaderValue::from_static("default-src 'none'")),
    );
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
        (
            header::HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn index(State(shared): State<Arc<Shared>>) -> Response {
    let made = async { Ok(muster_report::index_html(&shared.reporter.index().await?)?) };
    match made.await {
        Ok(page) => html(page),
        Err(error) => failed(&error),
    }
}

async fn day(State(shared): State<Arc<Shared>>, Path((contract, day)): Path<(String, String)>) -> Response {
    let (day, is_json) = form(&day);
    match day.parse() {
        Ok(day) => answer(&shared, &contract, Scope::Day(day), is_json).await,
        Err(_) => told(StatusCode::NOT_FOUND, "a day is written as 2026-11-20"),
    }
}

async fn batch(State(shared): State<Arc<Shared>>, Path((contract, batch)): Path<(String, String)>) -> Response {
    let (batch, is_json) = form(&batch);
    match batch.parse() {
        Ok(batch) => answer(&shared, &contract, Scope::Batch(BatchId(batch)), is_json).await,
        Err(_) => told(StatusCode::NOT_FOUND, "a batch is a number"),
    }
}

/// A name without its ending, and whether JSON was asked for.
fn form(name: &str) -> (&str, bool) {
    match name.strip_suffix(".json") {
        Some(name) => (name, true),
        None => (name.strip_suffix(".html").unwrap_or(name), false),
    }
}

async fn answer(shared: &Shared, contract: &str, scope: Scope, is_json: bool) -> Response {
    let Some(contract) = shared.reporter.contract(contract) else {
        return told(StatusCode::NOT_FOUND, "there is no such contract");
    };
    if shared.waiting.fetch_add(1, Ordering::AcqRel) > WAITING_MAX {
        shared.waiting.fetch_sub(1, Ordering::AcqRel);
        let mut response = told(StatusCode::SERVICE_UNAVAILABLE, "others wait for reports, try again");
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        return response;
    }
    let waiting = Waiting(&shared.waiting);
    let turn = shared.turn.acquire().await;
    let made = shared.reporter.report(contract, &scope).await;
    drop((turn, waiting));
    match made {
        Ok(Some(report)) => {
            tracing::info!(contract = %contract.name, ?scope, "a report was read");
            written(&report, is_json)
        }
        Ok(None) => told(StatusCode::NOT_FOUND, "the contract has no such batch"),
        Err(error) => failed(&error),
    }
}

/// Somebody who waits, also when they go away.
struct Waiting<'w>(&'w AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn written(report: &Report, is_json: bool) -> Response {
    let text = if is_json {
        muster_report::json(report)
    } else {
        muster_report::html(report)
    };
    match text {
        Ok(text) if is_json => ([(header::CONTENT_TYPE, "application/json")], text).into_response(),
        Ok(text) => html(text),
        Err(error) => failed(&error.into()),
    }
}

fn html(page: String) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

fn told(code: StatusCode, words: &'static str) -> Response {
    (code, format!("{words}\n")).into_response()
}

/// Nothing of the inside goes out.
fn failed(error: &anyhow::Error) -> Response {
    tracing::error!(error = format!("{error:#}"), "could not make a report");
    told(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the report could not be made; the program's log says why",
    )
}
