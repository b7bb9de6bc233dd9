//! A wire that can be cut: a proxy in front of PostgreSQL that drops requests or answers when told to.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio_postgres::config::Host;

/// What the wire does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Wire {
    /// Everything passes.
    Whole = 0,
    /// Requests are cut before they reach the server.
    CutRequests = 1,
    /// Requests pass; the connection is cut in place of the answer.
    CutAnswers = 2,
    /// Requests pass; answers never come and the connection stays open.
    SwallowAnswers = 3,
    /// Nothing passes and the connection stays open.
    Frozen = 4,
}

pub struct Proxy {
    mode: Arc<AtomicU8>,
    pub address: String,
    _folder: tempfile::TempDir,
}

impl Proxy {
    /// A proxy in front of the server at `address`.
    pub fn start(address: &str) -> Self {
        let config: tokio_postgres::Config = address.parse().expect("an address");
        let folder = tempfile::Builder::new()
            .prefix("mp")
            .tempdir_in("/tmp")
            .expect("a folder");
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).expect("a socket");
        let mode = Arc::new(AtomicU8::new(Wire::Whole as u8));
        let user = config.get_user().expect("a user").to_owned();
        let database = config.get_dbname().expect("a database").to_owned();
        let password = config
            .get_password()
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let host = config.get_hosts().first().expect("a host").clone();
        let shared = Arc::clone(&mode);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let mode = Arc::clone(&shared);
                match host.clone() {
                    Host::Unix(place) => {
                        let socket: PathBuf = place.join(format!(".s.PGSQL.{port}"));
                        let server = UnixStream::connect(socket).await.expect("the server listens");
                        tokio::spawn(pass(client, server, mode));
                    }
                    Host::Tcp(name) => {
                        let server = TcpStream::connect((name.as_str(), port))
                            .await
                            .expect("the server listens");
                        tokio::spawn(pass(client, server, mode));
                    }
                }
            }
        });
        let password = password
            .map(|password| format!(" password='{password}'"))
            .unwrap_or_default();
        Self {
            address: format!(
                "host={} port=5432 user={user} dbname={database}{password}",
                folder.path().display()
            ),
            mode,
            _folder: folder,
        }
    }

    pub fn set(&self, wire: Wire) {
        self.mode.store(wire as u8, Ordering::SeqCst);
    }
}

async fn pass<C, S>(client: C, server: S, mode: Arc<AtomicU8>)
where
    C: AsyncRead + AsyncWrite,
    S: AsyncRead + AsyncWrite,
{
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let is = |wire: Wire| mode.load(Ordering::SeqCst) == wire as u8;
    let requests = async {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let Ok(length @ 1..) = from_client.read(&mut buffer).await else {
                return;
            };
            if is(Wire::CutRequests) {
                return;
            }
            if is(Wire::Frozen) {
                std::future::pending::<()>().await;
            }
            if to_server.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    };
    let answers = async {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let Ok(length @ 1..) = from_server.read(&mut buffer).await else {
                return;
            };
            if is(Wire::CutAnswers) {
                return;
            }
            if is(Wire::SwallowAnswers) || is(Wire::Frozen) {
                continue;
            }
            if to_client.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = requests => {}
        () = answers => {}
    }
}
