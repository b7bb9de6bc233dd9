//! A proxy between the program and PostgreSQL that knows where a commit begins and can cut the wire right there.
//!
//! It reads the client's messages (a type, a length, a body; the first without a type) and looks for the statement that
//! commits batches; everything else passes untouched.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Runtime;

/// What is cut at a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cut {
    Nothing = 0,
    /// The commit does not reach the server.
    Request = 1,
    /// The server commits, and its answer does not come back.
    Answer = 2,
}

#[derive(Default)]
struct Orders {
    next: AtomicU8,
    cuts: AtomicU32,
}

/// A proxy; ends when dropped.
pub struct Wire {
    /// The database behind the proxy.
    pub url: String,
    orders: Arc<Orders>,
    _folder: TempDir,
    // Last: dropping it ends every task.
    _runtime: Runtime,
}

const SOCKET: &str = ".s.PGSQL.5432";
const COMMIT: &[u8] = b"commit_batches(";

impl Wire {
    /// A proxy in front of a database whose URL names a socket folder, as those of the sandbox do.
    pub fn start(url: &str) -> Self {
        let (user, place) = url.split_once('@').unwrap();
        let (host, database) = place.split_once(":5432/").unwrap();
        let server = PathBuf::from(host.replace("%2F", "/").replace("%25", "%")).join(SOCKET);
        let folder = tempfile::Builder::new().prefix("mw").tempdir_in("/tmp").unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = {
            let _entered = runtime.enter();
            UnixListener::bind(folder.path().join(SOCKET)).unwrap()
        };
        let orders = Arc::new(Orders::default());
        let shared = Arc::clone(&orders);
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, server.clone(), Arc::clone(&shared)));
            }
        });
        let host = folder.path().to_string_lossy().replace('/', "%2F");
        Self {
            url: format!("{user}@{host}:5432/{database}"),
            orders,
            _folder: folder,
            _runtime: runtime,
        }
    }

    /// The next commit that comes by is cut, once.
    pub fn cut_next(&self, cut: Cut) {
        self.orders.next.store(cut as u8, Ordering::SeqCst);
    }

    /// How many commits were cut.
    pub fn cuts(&self) -> u32 {
        self.orders.cuts.load(Ordering::SeqCst)
    }
}

async fn carry(client: UnixStream, server: PathBuf, orders: Arc<Orders>) {
    let Ok(server) = UnixStream::connect(server).await else {
        return;
    };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mute = Arc::new(AtomicU8::new(0));
    // When one way ends both do, and both sockets with them.
    tokio::select! {
        () = requests(from_client, to_server, &orders, &mute) => {}
        () = answers(from_server, to_client, &orders, &mute) => {}
    }
}

/// Passes the client's messages on, one by one.
async fn requests(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, orders: &Orders, mute: &AtomicU8) {
    let mut statements: Vec<Vec<u8>> = Vec::new();
    let mut first = true;
    loop {
        let mut head = vec![0; if first { 4 } else { 5 }];
        if from.read_exact(&mut head).await.is_err() {
            return;
        }
        let length = u32::from_be_bytes(head[head.len() - 4..].try_into().unwrap()) as usize;
        let mut body = vec![0; length - 4];
        if from.read_exact(&mut body).await.is_err() {
            return;
        }
        let kind = if first { b' ' } else { head[0] };
        first = false;
        let text_to = |from: usize| {
            body[from..]
                .iter()
                .position(|&byte| byte == 0)
                .map_or(body.len(), |at| from + at)
        };
        let mut is_commit = false;
        match kind {
            // Parse: the statement's name, then its text.
            b'P' if body.windows(COMMIT.len()).any(|found| found == COMMIT) => {
                statements.push(body[..text_to(0)].to_vec());
            }
            // Bind: the portal's name, then the statement's.
            b'B' => {
                let name_from = text_to(0) + 1;
                is_commit = statements.contains(&body[name_from..text_to(name_from)].to_vec());
            }
            _ => {}
        }
        if is_commit {
            let cut = orders.next.swap(Cut::Nothing as u8, Ordering::SeqCst);
            if cut == Cut::Request as u8 {
                orders.cuts.fetch_add(1, Ordering::SeqCst);
                return;
            }
            mute.store(cut, Ordering::SeqCst);
        }
        head.extend_from_slice(&body);
        if to.write_all(&head).await.is_err() {
            return;
        }
    }
}

/// Passes the server's bytes on until they are the answer to a commit that is to be cut.
async fn answers(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, orders: &Orders, mute: &AtomicU8) {
    let mut bytes = vec![0; 64 << 10];
    loop {
        let Ok(count @ 1..) = from.read(&mut bytes).await else {
            return;
        };
        if mute.load(Ordering::SeqCst) == Cut::Answer as u8 {
            orders.cuts.fetch_add(1, Ordering::SeqCst);
            return;
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
