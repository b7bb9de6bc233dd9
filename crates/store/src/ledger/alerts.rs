//! The alert outbox: what is put here with a fact is delivered later, by whoever sends webhooks.
//!
//! Filled by commits, pauses and ended claims; `raise` is for facts that have no statement of their own.

use muster_batch::Alert;
use tokio_postgres::types::Json;

use super::{Ledger, wire};
use crate::error::Error;

impl Ledger {
    /// Puts alerts into the outbox.
    pub async fn raise(&self, alerts: &[Alert]) -> Result<(), Error> {
        if alerts.is_empty() {
            return Ok(());
        }
        let alerts = Json(wire::alerts(alerts, self.tenant()));
        let mut session = self.session("raise an alert").await?;
        session.run("SELECT put_alerts($1, NULL, NULL)", &[&alerts]).await
    }
}
