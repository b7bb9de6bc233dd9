//! One connection while it is used: bounded answers, whole retries, and no return to the pool once it fell silent.
//!
//! Used by every noun of the ledger. A statement here is a transaction of its own: its answer has come only with the
//! server's word that it is ready again, which it gives after the commit.

use std::future::Future;
use std::time::Duration;

use deadpool_postgres::{Object, PoolError};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::error::{Error, is_whole_retry};

/// How often a statement is run again after a serialization failure or deadlock.
const RETRIES_MAX: u32 = 5;

/// Parameters of a statement.
pub(crate) type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

pub(crate) struct Session {
    /// Taken away only when the connection must not be used again.
    client: Option<Object>,
    action: &'static str,
    answer: Duration,
}

impl Session {
    pub(crate) fn new(client: Object, action: &'static str, answer: Duration) -> Self {
        Self {
            client: Some(client),
            action,
            answer,
        }
    }

    /// Runs a statement and gives its rows.
    pub(crate) async fn rows(&mut self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, Error> {
        let mut tries = 0;
        loop {
            let client = self.client()?;
            let asked = async {
                let statement = client.prepare_cached(sql).await?;
                client.query(&statement, parameters).await
            };
            match self.bounded(asked).await {
                Err(Error::Refused { code, .. }) if is_whole_retry(&code) && tries < RETRIES_MAX => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(5 << tries)).await;
                }
                Ok(rows) => return Ok(rows),
                Err(error) => {
                    self.retire_if_silent(&error);
                    return Err(error);
                }
            }
        }
    }

    /// Runs a statement whose rows do not matter.
    pub(crate) async fn run(&mut self, sql: &str, parameters: Parameters<'_>) -> Result<(), Error> {
        self.rows(sql, parameters).await.map(drop)
    }

    /// Runs a statement that answers one row.
    pub(crate) async fn row(&mut self, sql: &str, parameters: Parameters<'_>) -> Result<Row, Error> {
        let rows = self.rows(sql, parameters).await?;
        rows.into_iter()
            .next()
            .ok_or_else(|| Error::Answer(format!("no row while trying to {}", self.action)))
    }

    /// Runs a statement that answers at most one row.
    pub(crate) async fn row_maybe(&mut self, sql: &str, parameters: Parameters<'_>) -> Result<Option<Row>, Error> {
        Ok(self.rows(sql, parameters).await?.into_iter().next())
    }

    /// The connection, for work of several statements; what it returns goes through [`Session::bounded`].
    pub(crate) fn client(&self) -> Result<&Object, Error> {
        self.client.as_ref().ok_or_else(|| self.silent())
    }

    /// The connection, to begin a transaction on.
    pub(crate) fn client_mut(&mut self) -> Result<&mut Object, Error> {
        let silent = self.silent();
        self.client.as_mut().ok_or(silent)
    }

    /// Waits for an answer no longer than the settings say.
    pub(crate) async fn bounded<T>(
        &self,
        asked: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Error> {
        bounded(self.action, self.answer, asked).await
    }

    /// Keeps a connection that stopped answering out of the pool: a late answer would be taken for another's.
    pub(crate) fn retire_if_silent(&mut self, error: &Error) {
        if matches!(error, Error::Unreachable { .. } | Error::OutcomeUnknown { .. }) {
            self.retire();
        }
    }

    pub(crate) fn retire(&mut self) {
        if let Some(client) = self.client.take() {
            drop(Object::take(client));
        }
    }

    fn silent(&self) -> Error {
        Error::Unreachable {
            action: self.action,
            reason: "the connection stopped answering before".into(),
        }
    }
}

/// Waits for an answer no longer than `answer`.
pub(crate) async fn bounded<T>(
    action: &'static str,
    answer: Duration,
    asked: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, Error> {
    match tokio::time::timeout(answer, asked).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => Err(Error::database(action, &error)),
        Err(_) => Err(Error::Unreachable {
            action,
            reason: format!("no answer in {answer:?}"),
        }),
    }
}

/// Why no connection could be had.
pub(crate) fn no_connection(action: &'static str, error: PoolError) -> Error {
    use deadpool_postgres::HookError;
    match error {
        PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
            Error::database(action, &error)
        }
        other => Error::Unreachable {
            action,
            reason: other.to_string(),
        },
    }
}
