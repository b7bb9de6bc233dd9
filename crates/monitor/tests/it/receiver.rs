//! A receiver on a loopback port that answers one request as its fault says, byte by byte where it must.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How a receiver answers.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// These bytes, then the end.
    Bytes(&'static str),
    /// These bytes, then never an end.
    Endless(&'static str),
    /// These bytes, one at a time, with this between them.
    Dripped(&'static str, Duration),
    /// These bytes at once, whatever was asked and how.
    Unasked(&'static str),
    /// Nothing.
    Silence,
    /// The connection is closed before anything was read.
    Closed,
    /// The request is heard through a certificate that nobody signed.
    SelfSigned,
}

/// A request as it came.
#[derive(Debug)]
pub struct Heard {
    pub head: String,
    pub body: String,
}

impl Heard {
    /// A header's value; names are in small letters on the wire.
    pub fn header(&self, name: &str) -> &str {
        let found = self
            .head
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name}: ")));
        found.unwrap_or_else(|| panic!("no `{name}` in\n{}", self.head))
    }
}

/// Listens for one request. Gives the port, and what was heard.
pub async fn listen(answer: Answer) -> (u16, tokio::task::JoinHandle<Option<Heard>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        match answer {
            Answer::Closed => None,
            Answer::Unasked(bytes) => {
                let _ = stream.write_all(bytes.as_bytes()).await;
                let _ = stream.read(&mut [0; 4_096]).await;
                None
            }
            Answer::SelfSigned => {
                let stream = acceptor().accept(stream).await.ok()?;
                let (mut read, mut write) = tokio::io::split(stream);
                converse(&mut read, &mut write, Answer::Bytes("HTTP/1.1 200 OK\r\n\r\n")).await
            }
            _ => {
                let (mut read, mut write) = stream.split();
                converse(&mut read, &mut write, answer).await
            }
        }
    });
    (port, heard)
}

async fn converse(
    read: &mut (impl AsyncRead + Unpin),
    write: &mut (impl AsyncWrite + Unpin),
    answer: Answer,
) -> Option<Heard> {
    let heard = hear(read).await?;
    let written = match answer {
        Answer::Bytes(bytes) => write.write_all(bytes.as_bytes()).await,
        Answer::Endless(bytes) => {
            let _ = write.write_all(bytes.as_bytes()).await;
            let more = vec![b'x'; 65_536];
            while write.write_all(&more).await.is_ok() {}
            Ok(())
        }
        Answer::Dripped(bytes, pause) => {
            for byte in bytes.bytes() {
                if write.write_all(&[byte]).await.is_err() {
                    break;
                }
                let _ = write.flush().await;
                tokio::time::sleep(pause).await;
            }
            Ok(())
        }
        Answer::Silence => {
            tokio::time::sleep(Duration::from_secs(30)).await;
            Ok(())
        }
        Answer::Closed | Answer::SelfSigned | Answer::Unasked(_) => Ok(()),
    };
    let _ = written;
    let _ = write.shutdown().await;
    Some(heard)
}

/// Reads a request to the end of its body.
async fn hear(read: &mut (impl AsyncRead + Unpin)) -> Option<Heard> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4_096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(Heard {
                    head: head.to_owned(),
                    body: body.to_owned(),
                });
            }
        }
        match read.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

/// TLS with a certificate for `localhost` that signs itself, and whose key is here for everyone to read.
fn acceptor() -> TlsAcceptor {
    let certificate = CertificateDer::from(include_bytes!("self_signed.der").to_vec());
    let key = PrivateKeyDer::try_from(include_bytes!("self_signed.key.der").to_vec()).unwrap();
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
