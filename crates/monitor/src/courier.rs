//! One try to deliver one message, over HTTP.
//!
//! Used by the sender, a courier for each target. A connection serves one message and follows nothing: a redirect is a
//! failure, no proxy of the environment is used, the answer's body is not read. What a receiver answers decides; what
//! goes wrong has a word from a closed set, and a text without address or secret.

use std::error::Error as _;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use muster_spec::AlertTarget;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url};

use crate::Error;
use crate::guard::{Guard, Refused};
use crate::sign::{Secret, sign};

/// How long a try may take.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// To be connected, TLS included.
    pub connect: Duration,
    /// In all, to the end of the answer's head.
    pub whole: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            whole: Duration::from_secs(20),
        }
    }
}

/// Where a target's messages go, and what signs them. Prints as nothing but its kind: a path may be a secret.
#[derive(Clone)]
pub struct Address {
    url: Url,
    secrets: Vec<Secret>,
}

impl Address {
    /// Reads an address and its secrets, as the environment or files hold them.
    pub fn read(url: &str, secrets: &[String]) -> Result<Self, Error> {
        let url = Url::parse(url.trim()).map_err(|error| Error::Address(error.to_string()))?;
        let secrets = secrets
            .iter()
            .map(|text| Secret::read(text))
            .collect::<Result<_, _>>()?;
        Ok(Self { url, secrets })
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Address")
    }
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The receiver took the message.
    Taken,
    /// It did not, or we do not know.
    Failed {
        /// What kind of failure.
        failure: Failure,
        /// What people are told: a status, an error's words.
        why: String,
        /// How long the receiver asks us to wait.
        retry_after: Option<Duration>,
    },
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// 410: the receiver wants no more messages.
    Gone,
    /// 429: too many.
    Throttled,
    /// A redirect, which is not followed.
    Redirected,
    /// Another 4xx.
    ClientError,
    /// 5xx, or a status that means nothing here.
    ServerError,
    /// No answer in time.
    TimedOut,
    /// No connection, or one that broke.
    Unreachable,
    /// A certificate that does not hold, or no TLS at all.
    Tls,
    /// An address that the target's file does not allow.
    Refused,
    /// An address or secret that cannot be read.
    Unconfigured,
}

impl Failure {
    /// The word of metrics and of the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Throttled => "throttled",
            Self::Redirected => "redirected",
            Self::ClientError => "client_error",
            Self::ServerError => "server_error",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Tls => "tls",
            Self::Refused => "refused",
            Self::Unconfigured => "unconfigured",
        }
    }
}

/// Delivers to one target.
#[derive(Clone, Debug)]
pub struct Courier {
    client: Client,
    guard: Guard,
}

impl Courier {
    /// A courier for a target; nothing is asked yet.
    pub fn new(target: &AlertTarget, times: Times) -> Result<Self, Error> {
        let guard = Guard::new(&target.allow_hosts);
        let client = Client::builder()
            .dns_resolver(guard.clone())
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .pool_max_idle_per_host(0)
            .connect_timeout(times.connect)
            .timeout(times.whole)
            .user_agent(concat!("muster/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::Client(words(&error)))?;
        Ok(Self { client, guard })
    }

    /// Tries once. `id` is the message's; the time of the try is signed with it.
    pub async fn deliver(&self, address: &Address, id: &str, body: String) -> Delivery {
        if let Err(refused) = self.guard.check(&address.url) {
            return failed(Failure::Refused, refused.to_string());
        }
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let timestamp = since_1970.as_secs() as i64;
        let mut request = self
            .client
            .post(address.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp);
        if !address.secrets.is_empty() {
            let signature = sign(&address.secrets, id, timestamp, body.as_bytes());
            request = request.header("webhook-signature", signature);
        }
        match request.body(body).send().await {
            Ok(response) => answered(response.status(), response.headers()),
            Err(error) => unanswered(error),
        }
    }
}

fn failed(failure: Failure, why: String) -> Delivery {
    Delivery::Failed {
        failure,
        why,
        retry_after: None,
    }
}

fn answered(status: StatusCode, headers: &HeaderMap) -> Delivery {
    if status.is_success() {
        return Delivery::Taken;
    }
    let failure = match status {
        StatusCode::GONE => Failure::Gone,
        StatusCode::TOO_MANY_REQUESTS => Failure::Throttled,
        _ if status.is_redirection() => Failure::Redirected,
        _ if status.is_client_error() => Failure::ClientError,
        _ => Failure::ServerError,
    };
    let asked = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    Delivery::Failed {
        failure,
        why: format!("answered {}", status.as_u16()),
        retry_after: asked.and_then(|text| retry_after(text, SystemTime::now())),
    }
}

/// `Retry-After`, in seconds or as a date.
fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(secs) = text.trim().parse() {
        return Some(Duration::from_secs(secs));
    }
    let date = chrono::DateTime::parse_from_rfc2822(text.trim()).ok()?;
    Some(SystemTime::from(date).duration_since(now).unwrap_or_default())
}

fn unanswered(error: reqwest::Error) -> Delivery {
    let error = error.without_url();
    if let Some(refused) = cause::<Refused>(&error) {
        return failed(Failure::Refused, refused.to_string());
    }
    let why = words(&error);
    let failure = if error.is_timeout() {
        Failure::TimedOut
    } else if ["certificate", "TLS", "tls", "InvalidContentType", "corrupt message"]
        .iter()
        .any(|word| why.contains(word))
    {
        Failure::Tls
    } else {
        Failure::Unreachable
    };
    failed(failure, why)
}

/// The cause of this type, if there is one.
fn cause<T: std::error::Error + 'static>(error: &reqwest::Error) -> Option<&T> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(found) = inner.downcast_ref() {
            return Some(found);
        }
        // An error that only wraps another may hide it from `source`.
        if let Some(found) = inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref)
            && let Some(found) = found.downcast_ref()
        {
            return Some(found);
        }
        cause = inner.source();
    }
    None
}

/// An error and what caused it, on one line.
fn words(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !words.contains(&text) {
            words.push_str(": ");
            words.push_str(&text);
        }
        cause = inner.source();
    }
    words
}

#[cfg(test)]
#[path = "courier_tests.rs"]
mod tests;
