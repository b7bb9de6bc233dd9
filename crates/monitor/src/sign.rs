//! Signatures of webhook messages, under Standard Webhooks 1.0: HMAC-SHA256 over `id.timestamp.body`.
//!
//! Used by [`crate::Courier`]. The same message tried again is signed anew, since the time is part of what is signed.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Error;

/// Bytes of a key at least and at most, as the standard asks.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A signing secret. Prints as nothing but its kind.
#[derive(Clone)]
pub struct Secret(hmac::Key);

impl Secret {
    /// Reads `whsec_` and a key in base64.
    pub fn read(text: &str) -> Result<Self, Error> {
        let key = text
            .trim()
            .strip_prefix("whsec_")
            .and_then(|encoded| STANDARD.decode(encoded).ok())
            .filter(|key| KEY_BYTES.contains(&key.len()));
        let key = key.ok_or(Error::Secret {
            least: *KEY_BYTES.start(),
            most: *KEY_BYTES.end(),
        })?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }

    fn signature(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Secret")
    }
}

/// The header `webhook-signature`: one signature a secret, so that receivers may change theirs at leisure.
///
/// `timestamp` is in seconds since 1970-01-01 UTC.
pub fn sign(secrets: &[Secret], id: &str, timestamp: i64, body: &[u8]) -> String {
    let signatures: Vec<String> = secrets
        .iter()
        .map(|secret| secret.signature(id, timestamp, body))
        .collect();
    signatures.join(" ")
}

#[cfg(test)]
#[path = "sign_tests.rs"]
mod tests;
