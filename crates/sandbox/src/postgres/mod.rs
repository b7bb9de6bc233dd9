//! PostgreSQL without a service: a project's own cluster, and clusters of tests.
//!
//! [`Private`] is used by every command that is given no `--database-url`; [`Temporary`] and [`fresh_database`] by tests.
//! What must stay true: no TCP unless a test asks for it, one socket in a folder that only the server's user may enter, and
//! no personal value in the server's own log.

mod cluster;
mod programs;
mod shared;
mod temporary;

pub use shared::Private;
pub use temporary::{Temporary, fresh_database};

/// The superuser of our clusters.
pub(crate) const USER: &str = "muster";
/// The database that commands use.
pub(crate) const DATABASE: &str = "muster";
/// Part of the socket's file name only: nothing listens on TCP.
pub(crate) const PORT: u16 = 5432;

/// The URL of a database behind a socket folder, in the form that tokio-postgres and psql both read.
pub(crate) fn url(socket_folder: &std::path::Path, database: &str) -> String {
    url_at(socket_folder, PORT, database)
}

/// The same for a socket of another port.
pub(crate) fn url_at(socket_folder: &std::path::Path, port: u16, database: &str) -> String {
    let host = socket_folder.to_string_lossy().replace('%', "%25").replace('/', "%2F");
    format!("postgresql://{USER}@{host}:{port}/{database}")
}
