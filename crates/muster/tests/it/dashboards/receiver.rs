//! A receiver of webhooks that remembers what it was told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

pub struct Receiver {
    port: u16,
    told: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&told);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if let Some(body) = answer(stream) {
                    heard.lock().unwrap().push(body);
                }
            }
        });
        Self { port, told }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// How often an alert was told.
    pub fn count(&self, alert: &str) -> usize {
        let told = self.told.lock().unwrap();
        told.iter().filter(|body| is_about(body, alert)).count()
    }

    /// Waits until an alert is told: the message.
    pub fn wait_for(&self, alert: &str, limit: Duration) -> Value {
        let begun = Instant::now();
        loop {
            let told = self.told.lock().unwrap().clone();
            if let Some(body) = told.iter().find(|body| is_about(body, alert)) {
                return body.clone();
            }
            assert!(begun.elapsed() < limit, "`{alert}` was not told: {told:#?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn is_about(body: &Value, alert: &str) -> bool {
    body["commonLabels"]["alertname"] == alert
}

/// Reads one request and answers 200: its body.
fn answer(mut stream: TcpStream) -> Option<Value> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let sent = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    sent.ok()?;
    serde_json::from_slice(&body).ok()
}
