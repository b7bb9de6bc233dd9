//! Running workers as their `/metrics` tell of them: how far each source lags, and whether they reach the ledger.
//!
//! Asked by [`super::Looker`] at every look. A worker that does not answer in time is told with the reason, which holds
//! no address: one may carry a password.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use futures_util::future::join_all;
use muster_store::ledger::standing::Place;
use reqwest::{Client, Url};

/// Where a worker answers unless it was told otherwise.
const USUAL: &str = "http://127.0.0.1:8000";
/// How long a worker may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// How much of an answer is read.
const ANSWER_BYTES_MAX: usize = 8 << 20;

/// A worker that was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Worker {
    /// Where, without user and password.
    pub address: String,
    /// What it said, or why it said nothing.
    pub told: Result<Told, String>,
}

/// What a worker says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// Its version.
    pub version: String,
    /// Whether it reaches the ledger; `None` where it does not look.
    pub ledger_up: Option<bool>,
    /// Records not yet committed of each source it holds.
    pub lag: BTreeMap<Place, u64>,
}

/// Asks workers.
pub struct Workers {
    client: Client,
    urls: Vec<Url>,
    /// Whether nobody named them: then one that does not answer is not missed.
    are_guessed: bool,
}

impl Workers {
    /// Those at these addresses; at the usual one where none is given.
    pub fn new(urls: &[String]) -> anyhow::Result<Self> {
        let client = Client::builder()
            .timeout(ANSWER_LIMIT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .context("could not make an HTTP client")?;
        let given = urls.iter().map(|url| address(url)).collect::<anyhow::Result<_>>()?;
        Ok(Self {
            client,
            urls: if urls.is_empty() { vec![address(USUAL)?] } else { given },
            are_guessed: urls.is_empty(),
        })
    }

    /// Asks all at once.
    pub async fn ask(&self) -> Vec<Worker> {
        let mut workers = join_all(self.urls.iter().map(|url| self.ask_one(url))).await;
        if self.are_guessed {
            workers.retain(|worker| worker.told.is_ok());
        }
        workers
    }

    async fn ask_one(&self, url: &Url) -> Worker {
        let told = self.fetch(url).await.map(|text| read(&text));
        Worker {
            address: shown(url),
            told: told.map_err(|error| error.to_string()),
        }
    }

    async fn fetch(&self, url: &Url) -> anyhow::Result<String> {
        let words = |error: reqwest::Error| match error {
            error if error.is_timeout() => anyhow::anyhow!("no answer in {} s", ANSWER_LIMIT.as_secs()),
            error if error.is_connect() => anyhow::anyhow!("nobody listens there"),
            error => anyhow::anyhow!("{}", error.without_url()),
        };
        let mut answer = self.client.get(url.clone()).send().await.map_err(words)?;
        anyhow::ensure!(answer.status().is_success(), "it answered {}", answer.status().as_u16());
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(words)? {
            anyhow::ensure!(body.len() + part.len() <= ANSWER_BYTES_MAX, "its answer is too long");
            body.extend_from_slice(&part);
        }
        String::from_utf8(body).context("its answer is no text")
    }
}

/// Where a worker's metrics are, from what a user writes: `host:port`, a URL, with or without `/metrics`.
fn address(written: &str) -> anyhow::Result<Url> {
    let whole = if written.contains("://") {
        Cow::Borrowed(written)
    } else {
        Cow::Owned(format!("http://{written}"))
    };
    let fits = |url: &Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    let mut url = Url::parse(&whole)
        .ok()
        .filter(fits)
        .context("a worker's address is written as `http://HOST:PORT`")?;
    if !url.path().ends_with("/metrics") {
        let path = format!("{}/metrics", url.path().trim_end_matches('/'));
        url.set_path(&path);
    }
    Ok(url)
}

/// An address as people may see it.
fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// What a worker's metrics say.
fn read(text: &str) -> Told {
    let mut told = Told::default();
    for sample in text.lines().filter_map(sample) {
        match sample.name {
            "muster_source_lag_records" => {
                let partition = sample.label("partition").and_then(|partition| partition.parse().ok());
                if let (Some(topic), Some(partition)) = (sample.label("topic"), partition) {
                    told.lag
                        .insert((topic.to_owned(), partition), sample.value.max(0.0) as u64);
                }
            }
            "muster_ledger_up" => told.ledger_up = Some(sample.value > 0.0),
            "muster_build_info" => sample
                .label("version")
                .unwrap_or_default()
                .clone_into(&mut told.version),
            _ => {}
        }
    }
    told
}

/// One line of Prometheus' text form.
struct Sample<'a> {
    name: &'a str,
    labels: Vec<(&'a str, Cow<'a, str>)>,
    value: f64,
}

impl Sample<'_> {
    fn label(&self, name: &str) -> Option<&str> {
        let found = self.labels.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| &**value)
    }
}

/// Reads a line; `None` for comments and whatever else is no sample.
fn sample(line: &str) -> Option<Sample<'_>> {
    if line.starts_with('#') {
        return None;
    }
    let name_ends = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(name_ends);
    let mut labels = Vec::new();
    if let Some(mut inside) = rest.strip_prefix('{') {
        while !inside.starts_with('}') {
            let (label, tail) = inside.split_once("=\"")?;
            let (value, tail) = label_value(tail)?;
            labels.push((label, value));
            inside = tail.strip_prefix(',').unwrap_or(tail);
        }
        rest = &inside[1..];
    }
    let value = rest.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Sample { name, labels, value })
}

/// A label's value up to its closing quote, and what comes after it.
fn label_value(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = text.find(['"', '\\'])?;
    if text[end..].starts_with('"') {
        return Some((text[..end].into(), &text[end + 1..]));
    }
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value.into(), &text[at + 1..])),
            '\\' => value.push(match letters.next()?.1 {
                'n' => '\n',
                escaped => escaped,
            }),
            _ => value.push(letter),
        }
    }
    None
}

#[cfg(test)]
#[path = "workers_tests.rs"]
mod tests;
