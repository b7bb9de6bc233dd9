//! Stopping: the first SIGTERM or Ctrl-C asks every part to drain, a second one ends the process at once.
//!
//! One [`Shutdown`] is made by each long-running command and cloned into its parts. Whoever waits on
//! [`Shutdown::asked`] wakes when draining begins; nobody is told when draining ends, the command simply returns.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Whether this process is asked to stop.
#[derive(Clone, Debug)]
pub struct Shutdown {
    asked: Arc<watch::Sender<bool>>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            asked: Arc::new(watch::channel(false).0),
        }
    }
}

impl Shutdown {
    /// One that listens to SIGTERM and SIGINT. A stop that takes longer than `limit` is forced, exit code 2.
    pub fn on_signals(limit: Duration) -> anyhow::Result<Self> {
        let shutdown = Self::default();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let asked = shutdown.clone();
        tokio::spawn(async move {
            tokio::select! { _ = terminate.recv() => (), _ = interrupt.recv() => () }
            tracing::info!("asked to stop, draining");
            asked.ask();
            tokio::select! {
                _ = terminate.recv() => tracing::warn!("asked to stop again, ending at once"),
                _ = interrupt.recv() => tracing::warn!("asked to stop again, ending at once"),
                () = tokio::time::sleep(limit) => tracing::warn!(limit_secs = limit.as_secs_f64(), "draining took too long"),
            }
            #[expect(
                clippy::disallowed_methods,
                reason = "a second signal means now, whatever is left undone"
            )]
            std::process::exit(2);
        });
        Ok(shutdown)
    }

    /// Asks every part to stop.
    pub fn ask(&self) {
        self.asked.send_replace(true);
    }

    /// Whether a stop was asked for.
    pub fn is_asked(&self) -> bool {
        *self.asked.borrow()
    }

    /// Waits until a stop is asked for.
    pub async fn asked(&self) {
        let mut asked = self.asked.subscribe();
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = asked.wait_for(|asked| *asked).await;
    }
}
