//! A receiver of alert messages with faults: it answers as its script says, then takes what comes, and keeps all of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use muster_monitor::{Secret, sign};
use serde_json::Value;

pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// How one request is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Status(u16),
    /// 429, and when to come back.
    RetryAfter(u32),
    /// A redirect to the receiver itself, under another path.
    Redirect,
    /// None, ever.
    Silence,
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Heard {
    pub at: Instant,
    pub id: String,
    pub body: Value,
    pub status: u16,
}

#[derive(Clone, Default)]
struct Shared {
    script: Arc<Mutex<VecDeque<Answer>>>,
    heard: Arc<Mutex<Vec<Heard>>>,
    strays: Arc<Mutex<u32>>,
    is_shaky: Arc<AtomicBool>,
}

/// A running receiver.
pub struct Receiver {
    address: SocketAddr,
    shared: Shared,
    _runtime: tokio::runtime::Runtime,
}

impl Receiver {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let shared = Shared::default();
        let routes = Router::new()
            .route("/hook", post(hook))
            .fallback(stray)
            .with_state(shared.clone());
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self {
            address,
            shared,
            _runtime: runtime,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// What the next requests are answered; after them everything is taken.
    pub fn answers(&self, answers: impl IntoIterator<Item = Answer>) {
        self.shared.script.lock().unwrap().extend(answers);
    }

    /// Every other message is refused the first time it comes.
    pub fn shake(&self) {
        self.shared.is_shaky.store(true, Ordering::Relaxed);
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.shared.heard.lock().unwrap().clone()
    }

    /// Requests to anywhere else: a redirect that was followed.
    pub fn strays(&self) -> u32 {
        *self.shared.strays.lock().unwrap()
    }

    /// Waits until so many requests came.
    pub fn wait_heard(&self, requests: usize, limit: Duration) -> Vec<Heard> {
        let begun = Instant::now();
        loop {
            let heard = self.heard();
            if heard.len() >= requests {
                return heard;
            }
            assert!(
                begun.elapsed() < limit,
                "{} of {requests} requests came within {limit:?}",
                heard.len()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The ids of all alerts in messages that were taken, and how often each was told; a message that came twice under
    /// its id is one message.
    pub fn told(&self) -> BTreeMap<i64, u32> {
        let mut told = BTreeMap::new();
        let mut messages: Vec<Heard> = self.heard();
        messages.retain(|heard| heard.status < 300);
        messages.sort_by(|one, other| one.id.cmp(&other.id));
        messages.dedup_by(|one, other| one.id == other.id);
        for message in messages {
            for range in message.body["alertIds"].as_str().unwrap().split(',') {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                for id in first.parse::<i64>().unwrap()..=last.parse().unwrap() {
                    *told.entry(id).or_insert(0) += 1;
                }
            }
        }
        told
    }
}

impl Shared {
    /// Whether a shaky receiver refuses a message: the first, third, fifth one, the first time it comes.
    fn refuses(&self, id: &str) -> bool {
        let heard = self.heard.lock().unwrap();
        let ids: BTreeSet<&str> = heard.iter().map(|heard| heard.id.as_str()).collect();
        self.is_shaky.load(Ordering::Relaxed) && !ids.contains(id) && ids.len().is_multiple_of(2)
    }
}

async fn hook(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let id = header("webhook-id");
    let timestamp = header("webhook-timestamp").parse().unwrap();
    let signature = sign(&[Secret::read(SECRET).unwrap()], &id, timestamp, &body);
    let is_signed = header("webhook-signature").split(' ').any(|given| given == signature);
    let answer = match shared.script.lock().unwrap().pop_front() {
        _ if !is_signed => Answer::Status(401),
        None if shared.refuses(&id) => Answer::Status(503),
        scripted => scripted.unwrap_or(Answer::Status(204)),
    };
    let status = match answer {
        Answer::Status(status) => status,
        Answer::RetryAfter(_) => 429,
        Answer::Redirect => 308,
        Answer::Silence => 0,
    };
    shared.heard.lock().unwrap().push(Heard {
        at: Instant::now(),
        id,
        body: serde_json::from_slice(&body).unwrap(),
        status: if status == 0 { 599 } else { status },
    });
    match answer {
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Answer::RetryAfter(secs) => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, secs.to_string())]).into_response()
        }
        Answer::Redirect => (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, "/elsewhere")]).into_response(),
        Answer::Silence => std::future::pending().await,
    }
}

async fn stray(State(shared): State<Shared>) -> StatusCode {
    *shared.strays.lock().unwrap() += 1;
    StatusCode::OK
}
