//! A storm of alerts beside the work: 10,000 a minute into the outbox, `muster alerts send` telling them to a receiver
//! that refuses every other message at first. Work that is measured beside it runs in the same project, on the same
//! ledger and the same processors.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use muster_batch::{Alert, AlertState};
use muster_store::{Ledger, Role, Settings};
use tempfile::TempDir;

/// How many alerts each beat writes, and how far apart beats are: 10,000 a minute.
const BEAT_ALERTS: usize = 50;
const BEAT: Duration = Duration::from_millis(300);
/// How many different conditions they are about.
const CONDITIONS: usize = 7;

const TARGET: &str = "version: 1
kind: webhook
url: { env: MUSTER_STORM_URL }
secrets: [{ env: MUSTER_STORM_SECRET }]
allow_hosts: [127.0.0.1]
group: { by: [about], wait: 1s, interval: 1s, repeat: 1s }
limits: { messages_per_minute: 60 }
";

const SECRET: &str = "whsec_YSBzdG9ybSBvZiBhbGVydHMsIGJlbmNoZWQ=";

/// A storm over a project; it ends when it is dropped.
pub struct Storm {
    sender: Child,
    stopped: Arc<AtomicBool>,
    raising: Option<JoinHandle<()>>,
}

/// Puts the target that contract and pipeline name, and that a storm is told to, into a project.
pub fn prepare(project: &TempDir) {
    let alerts = project.path().join("alerts");
    std::fs::create_dir_all(&alerts).expect("a folder");
    std::fs::write(alerts.join("data-quality.yaml"), TARGET).expect("written");
}

impl Storm {
    /// Lets one loose; `sender` is `muster alerts send` in the project.
    pub fn start(mut sender: Command, database_url: &str) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let (url_sender, url) = std::sync::mpsc::channel();
        let (has_stopped, database_url) = (Arc::clone(&stopped), database_url.to_owned());
        let raising = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
                let address = listener.local_addr().expect("bound");
                url_sender.send(format!("http://{address}/")).expect("it is waited for");
                let _receiver = tokio::spawn(async move { axum::serve(listener, refusing()).await });
                raise(&database_url, &has_stopped).await;
            });
        });
        sender.env("MUSTER_STORM_URL", url.recv().expect("the receiver listens"));
        sender.env("MUSTER_STORM_SECRET", SECRET);
        let sender = sender.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Self {
            sender: sender.expect("the program starts"),
            stopped,
            raising: Some(raising),
        }
    }
}

impl Drop for Storm {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(raising) = self.raising.take() {
            raising.join().expect("it raised to the end");
        }
        let _ = self.sender.kill();
        let _ = self.sender.wait();
    }
}

/// A receiver that refuses every other message.
fn refusing() -> Router {
    let heard = Arc::new(AtomicU64::new(0));
    let answer = move || async move {
        if heard.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::NO_CONTENT
        }
    };
    Router::new().route("/", post(answer))
}

async fn raise(database_url: &str, stopped: &AtomicBool) {
    let ledger = Ledger::new(&Settings::new(database_url), Role::Ingest).expect("a ledger");
    let begun = Instant::now();
    let mut beat = 0;
    while !stopped.load(Ordering::Relaxed) {
        let alerts: Vec<Alert> = (0..BEAT_ALERTS).map(|at| alert(at % CONDITIONS)).collect();
        ledger.raise(&alerts).await.expect("the outbox takes them");
        beat += 1;
        tokio::time::sleep_until((begun + BEAT * beat).into()).await;
    }
}

fn alert(condition: usize) -> Alert {
    Alert {
        fingerprint: format!("contract/hr.candidate/storm_{condition}"),
        condition: format!("storm_{condition}"),
        about: "hr.candidate".to_owned(),
        state: AlertState::Firing,
        measured: Some(0.5),
        threshold: Some(0.1),
        window: "bench".to_owned(),
        target: Some("data-quality".to_owned()),
    }
}
