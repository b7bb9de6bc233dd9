//! A TCP proxy between client and broker that cuts, freezes and delays.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

/// What happens to bytes on their way.
#[derive(Default)]
pub struct Wire {
    /// Connections numbered below this carry nothing any more and are not closed: the network swallowed them.
    frozen_below: AtomicU32,
    /// Connections numbered below this are closed.
    cut_below: AtomicU32,
    /// New connections are accepted and then left alone.
    pub frozen: AtomicBool,
    /// How long each run of bytes is held.
    pub delay_ms: AtomicU64,
    connections: AtomicU32,
}

impl Wire {
    pub fn freeze_open_connections(&self) {
        self.frozen_below
            .store(self.connections.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    pub fn cut_open_connections(&self) {
        self.cut_below
            .store(self.connections.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

/// A proxy on a port of its own; ends when dropped.
pub struct Proxy {
    pub wire: Arc<Wire>,
    pub address: String,
    target: tokio::sync::watch::Sender<Option<String>>,
    // Last: dropping it ends every task.
    _runtime: Runtime,
}

impl Proxy {
    /// Listens; where to is said later, because a broker has to know the proxy's port when it starts.
    pub fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let wire = Arc::new(Wire::default());
        let (target, to) = tokio::sync::watch::channel(None::<String>);
        let shared = wire.clone();
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = shared.connections.fetch_add(1, Ordering::SeqCst);
                let Some(target) = to.borrow().clone() else { continue };
                tokio::spawn(carry(client, target, number, shared.clone()));
            }
        });
        Self {
            wire,
            address,
            target,
            _runtime: runtime,
        }
    }

    pub fn lead_to(&self, address: String) {
        self.target.send(Some(address)).unwrap();
    }
}

async fn carry(client: TcpStream, target: String, number: u32, wire: Arc<Wire>) {
    if wire.frozen.load(Ordering::SeqCst) {
        // Held open until the proxy ends.
        std::future::pending::<()>().await;
    }
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    tokio::join!(
        pass(client_read, server_write, number, &wire),
        pass(server_read, client_write, number, &wire)
    );
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, number: u32, wire: &Wire) {
    let mut bytes = vec![0; 64 << 10];
    loop {
        let read = tokio::time::timeout(Duration::from_millis(20), from.read(&mut bytes)).await;
        if number < wire.frozen_below.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if number < wire.cut_below.load(Ordering::SeqCst) {
            return;
        }
        let Ok(read) = read else { continue };
        let delay = wire.delay_ms.load(Ordering::SeqCst);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        match read {
            Ok(count) if count > 0 => {
                if to.write_all(&bytes[..count]).await.is_err() {
                    return;
                }
            }
            _ => return,
        }
    }
}
