//! Who may read reports over HTTP: whoever has the token, and without a token only this machine.
//!
//! Used by [`super::routes`]. A token is asked for wherever one is set, also on loopback, where a proxy may stand. The
//! name that a browser was told to go to must be this machine's where no token is set: another site could make its own
//! name lead here.

use std::net::{IpAddr, SocketAddr};

use anyhow::bail;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The fewest characters of a token.
const TOKEN_MIN: usize = 24;

/// Who may read.
#[derive(Clone)]
pub enum Admission {
    /// Whoever has the token of this sha-256.
    Token([u8; 32]),
    /// Whoever is on this machine.
    Loopback,
    /// Nobody: HTTP is answered to others and there is no token.
    Nobody,
}

/// Why somebody may not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No token, or a wrong one.
    Token,
    /// Another name than this machine's.
    Host,
    /// Nobody may.
    Closed,
}

impl Admission {
    /// The rule for a process that answers on `bound`.
    pub fn new(token: Option<&str>, bound: SocketAddr) -> anyhow::Result<Self> {
        match token {
            Some(token) if token.chars().count() < TOKEN_MIN => {
                bail!(
                    "the HTTP token is too short\n  hint: {TOKEN_MIN} characters or more, as of `openssl rand -base64 32`"
                )
            }
            Some(token) => Ok(Self::Token(Sha256::digest(token).into())),
            None if bound.ip().is_loopback() => Ok(Self::Loopback),
            None => Ok(Self::Nobody),
        }
    }

    /// Whether a request may be answered.
    pub fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        match self {
            Self::Token(wanted) => {
                let given = token_of(headers).unwrap_or_default();
                // Hashes are compared, so that neither content nor length shows in the time it takes.
                let given: [u8; 32] = Sha256::digest(given).into();
                if bool::from(given.ct_eq(wanted)) {
                    Ok(())
                } else {
                    Err(Refusal::Token)
                }
            }
            Self::Loopback if is_this_machine(headers) => Ok(()),
            Self::Loopback => Err(Refusal::Host),
            Self::Nobody => Err(Refusal::Closed),
        }
    }
}

impl Refusal {
    /// What whoever asked is told.
    pub fn words(self) -> &'static str {
        match self {
            Self::Token => {
                "reports need the token: `Authorization: Bearer TOKEN`, or in a browser the token as password"
            }
            Self::Host => "reports are answered to this machine only: go to 127.0.0.1 or localhost",
            Self::Closed => {
                "reports are off: this address is not the machine's own, and no token is set (--http-token-file FILE)"
            }
        }
    }
}

/// The token of a request: a program's bearer, or the password a browser asks for.
fn token_of(headers: &HeaderMap) -> Option<Vec<u8>> {
    let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = given.split_once(' ')?;
    match &*scheme.to_ascii_lowercase() {
        "bearer" => Some(rest.trim().as_bytes().to_vec()),
        "basic" => {
            let decoded = STANDARD.decode(rest.trim()).ok()?;
            let colon = decoded.iter().position(|byte| *byte == b':')?;
            Some(decoded[colon + 1..].to_vec())
        }
        _ => None,
    }
}

/// Whether the name that was gone to is one that only this machine has.
fn is_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else {
        return false;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
