//! The registry's HTTP API: the few requests that Muster makes.
//!
//! Used by [`crate::Schemas`], `muster publish` and `muster doctor`. The address may have a path of its own (`/apis/ccompat/v7`), which
//! stands before every request's. User and password come with the options or in the address; they are taken out of it,
//! so that no error can show them. An answer is read up to a limit.

use std::time::Duration;

use muster_spec::SchemaId;
use reqwest::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Error;

/// The greatest answer that is read.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// The registry's code for a schema it does not have.
const NO_SCHEMA: u64 = 40_403;

/// The registry's code for a subject it does not have.
const NO_SUBJECT: u64 = 40_401;

const MEDIA: &str = "application/vnd.schemaregistry.v1+json";

/// How to reach a registry.
#[derive(Clone)]
pub struct Options {
    /// Its address, with the path its API begins at, and user and password if they are there.
    pub url: String,
    /// User and password; they win over those of the address.
    pub user: Option<(String, String)>,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long a request may take in all.
    pub timeout: Duration,
}

impl Options {
    /// A registry at this address: 3 s to connect, 10 s for a request.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            user: None,
            connect_timeout: Duration::from_secs(3),
            timeout: Duration::from_secs(10),
        }
    }
}

/// A schema registry.
#[derive(Clone)]
pub struct Registry {
    client: Client,
    base: Url,
    user: Option<(String, String)>,
    host: String,
}

/// The subject under which a topic's values are registered.
pub fn subject_of(topic: &str) -> String {
    format!("{topic}-value")
}

/// What a request is, in words and as it is sent.
struct Asked {
    words: String,
    request: RequestBuilder,
}

/// An answer that was read whole.
struct Answered {
    asked: String,
    status: StatusCode,
    wait: Option<Duration>,
    body: Vec<u8>,
}

#[derive(Deserialize)]
struct SchemaOf {
    schema: String,
}

#[derive(Deserialize)]
struct IdOf {
    id: u32,
}

impl Registry {
    /// A client; nothing is asked yet.
    pub fn new(options: &Options) -> Result<Self, Error> {
        let address = |why: String| Error::Address { why };
        let mut base = Url::parse(&options.url).map_err(|error| address(error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(address(format!("`{}` has no host to ask by HTTP", base.scheme())));
        }
        let in_address = (!base.username().is_empty()).then(|| {
            let password = base.password().unwrap_or_default();
            (percent_decoded(base.username()), percent_decoded(password))
        });
        // Both can only fail for addresses without a host.
        let _ = base.set_username("");
        let _ = base.set_password(None);
        base.set_query(None);
        base.set_fragment(None);
        let host = base.host_str().unwrap_or_default().to_owned();
        let host = base
            .port()
            .map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        let client = Client::builder()
            .connect_timeout(options.connect_timeout)
            .timeout(options.timeout)
            .redirect(reqwest::redirect::Policy::limited(3))
            .build()
            .map_err(|error| address(told(&error)))?;
        Ok(Self {
            client,
            base,
            user: options.user.clone().or(in_address),
            host,
        })
    }

    /// The registry's host and port.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The text of the schema with this id; `None` where the registry says that it has none. Whether to believe that is
    /// [`crate::Schemas`]'s to decide.
    pub async fn schema(&self, id: SchemaId) -> Result<Option<String>, Error> {
        let path = ["schemas", "ids", &id.to_string()];
        let answered = self.ask(self.get(&path)).await?;
        match answered.status {
            StatusCode::OK => {
                let schema: SchemaOf = self.read(&answered)?;
                Ok(Some(schema.schema))
            }
            StatusCode::NOT_FOUND if answered.code() == Some(NO_SCHEMA) => Ok(None),
            _ => Err(self.outage(answered)),
        }
    }

    /// The newest schema of a subject with its id; `None` where the registry does not know the subject.
    pub async fn newest(&self, subject: &str) -> Result<Option<(SchemaId, String)>, Error> {
        let answered = self.ask(self.get(&["subjects", subject, "versions", "latest"])).await?;
        match answered.status {
            StatusCode::OK => {
                let (id, schema): (IdOf, SchemaOf) = (self.read(&answered)?, self.read(&answered)?);
                Ok(Some((SchemaId(id.id), schema.schema)))
            }
            StatusCode::NOT_FOUND if answered.code() == Some(NO_SUBJECT) => Ok(None),
            _ => Err(self.outage(answered)),
        }
    }

    /// Registers an Avro schema under a subject; gives its id. The same schema again has the same id.
    pub async fn register(&self, subject: &str, schema: &str) -> Result<SchemaId, Error> {
        let asked = self.post(&["subjects", subject, "versions"], &json!({ "schema": schema }));
        let answered = self.ask(asked).await?;
        match answered.status {
            StatusCode::OK | StatusCode::CREATED => {
                let id: IdOf = self.read(&answered)?;
                Ok(SchemaId(id.id))
            }
            StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY => Err(Error::Refused {
                subject: subject.to_owned(),
                status: answered.status.as_u16(),
                why: answered.why(),
            }),
            _ => Err(self.outage(answered)),
        }
    }

    fn get(&self, path: &[&str]) -> Asked {
        Asked {
            words: format!("GET {}", path.join("/")),
            request: self.client.get(self.url(path)),
        }
    }

    fn post(&self, path: &[&str], body: &Value) -> Asked {
        let request = self.client.post(self.url(path)).header(CONTENT_TYPE, MEDIA);
        Asked {
            words: format!("POST {}", path.join("/")),
            request: request.body(body.to_string()),
        }
    }

    /// The address, then this path, each part encoded: a subject may hold a `/`.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(path);
        }
        url
    }

    async fn ask(&self, asked: Asked) -> Result<Answered, Error> {
        let mut request = asked.request.header(ACCEPT, format!("{MEDIA}, application/json"));
        if let Some((user, password)) = &self.user {
            request = request.basic_auth(user, Some(password));
        }
        let response = request.send().await.map_err(|error| self.silent(error))?;
        let status = response.status();
        let wait = response.headers().get(RETRY_AFTER).and_then(|wait| wait.to_str().ok());
        let wait = wait.and_then(|secs| secs.parse().ok()).map(Duration::from_secs);
        let body = self.body(response, &asked.words).await?;
        Ok(Answered {
            asked: asked.words,
            status,
            wait,
            body,
        })
    }

    async fn body(&self, mut response: Response, asked: &str) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.silent(error))? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(self.garbled(asked, format!("more than {ANSWER_BYTES_MAX} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn read<'a, T: Deserialize<'a>>(&self, answered: &'a Answered) -> Result<T, Error> {
        serde_json::from_slice(&answered.body).map_err(|error| self.garbled(&answered.asked, error.to_string()))
    }

    fn silent(&self, error: reqwest::Error) -> Error {
        Error::Silent {
            host: self.host.clone(),
            why: told(&error.without_url()),
        }
    }

    fn garbled(&self, asked: &str, why: String) -> Error {
        Error::Garbled {
            host: self.host.clone(),
            asked: asked.to_owned(),
            why,
        }
    }

    fn outage(&self, answered: Answered) -> Error {
        let mut why = answered.why();
        if answered.status == StatusCode::NOT_FOUND {
            why.push_str(" (does the address have the path that the registry's API begins at?)");
        }
        Error::Outage {
            host: self.host.clone(),
            status: answered.status.as_u16(),
            why,
            wait: answered.wait,
            asked: answered.asked,
        }
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Registry({})", self.host)
    }
}

impl Answered {
    /// The registry's own error code.
    fn code(&self) -> Option<u64> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        body.get("error_code")?.as_u64()
    }

    /// What the answer says, on one line and shortened.
    fn why(&self) -> String {
        const SHOWN_MAX: usize = 300;
        let body: Option<Value> = serde_json::from_slice(&self.body).ok();
        let message = body.as_ref().and_then(|body| body.get("message")?.as_str());
        let text = String::from_utf8_lossy(&self.body);
        let said = message
            .unwrap_or(&text)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ");
        match said.chars().count() {
            0 => "nothing more".to_owned(),
            length if length > SHOWN_MAX => said.chars().take(SHOWN_MAX).chain("...".chars()).collect(),
            _ => said,
        }
    }
}

/// An error and what caused it, in one line.
fn told(error: &reqwest::Error) -> String {
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !told.contains(&text) {
            told.push_str(": ");
            told.push_str(&text);
        }
        cause = inner.source();
    }
    told
}

/// A user or password as it stood before it was written into an address.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).filter(|_| *first == b'%');
        let byte = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
