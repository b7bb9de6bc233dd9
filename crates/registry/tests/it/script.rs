//! A registry that answers what a test tells it to, byte by byte, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use muster_registry::{Options, Registry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What to do with the next request.
#[derive(Clone, Debug)]
pub enum Step {
    /// A whole answer.
    Answer {
        status: u16,
        headers: &'static str,
        body: String,
    },
    /// The beginning of an answer whose rest never comes: the connection is closed.
    Cut,
    /// The connection is closed without an answer.
    Close,
    /// Nothing, for longer than anybody waits.
    Hang,
}

pub fn answer(status: u16, body: &str) -> Step {
    let body = body.to_owned();
    Step::Answer {
        status,
        headers: "",
        body,
    }
}

/// The server. Steps are used up one a request; after the last one every request hangs.
pub struct Script {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Script {
    pub async fn play(steps: impl IntoIterator<Item = Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let steps = Arc::new(Mutex::new(steps.into_iter().collect::<VecDeque<_>>()));
        let heard = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&steps), Arc::clone(&heard)));
            }
        });
        Self { address, asked }
    }

    /// A client of the server, with a path in the address and little patience.
    pub fn registry(&self) -> Registry {
        let mut options = Options::new(&format!("http://user:secret@{}/apis/v7", self.address));
        options.timeout = Duration::from_millis(400);
        Registry::new(&options).unwrap()
    }

    /// The requests so far: head and body as they came.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, steps: Arc<Mutex<VecDeque<Step>>>, asked: Arc<Mutex<Vec<String>>>) {
    while let Some(request) = request(&mut stream).await {
        asked.lock().unwrap().push(request);
        let step = steps.lock().unwrap().pop_front().unwrap_or(Step::Hang);
        match step {
            Step::Answer { status, headers, body } => {
                let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
                stream.write_all((head + &body).as_bytes()).await.unwrap();
            }
            Step::Cut => {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{\"schema\": \"{")
                    .await
                    .unwrap();
                return;
            }
            Step::Close => return,
            Step::Hang => tokio::time::sleep(Duration::from_hours(1)).await,
        }
    }
}

async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lengths = head
                .lines()
                .filter_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            if body.len() >= lengths.max().unwrap_or(0_usize) {
                return Some(text);
            }
        }
        let mut buffer = [0; 4_096];
        match stream.read(&mut buffer).await {
            Ok(length) if length > 0 => read.extend_from_slice(&buffer[..length]),
            _ => return None,
        }
    }
}
