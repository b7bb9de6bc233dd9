//! The page's own policy: it may run its one script and use its one style sheet, by their hashes, and ask nobody for
//! anything.
//!
//! Stands in the page, so that it holds for a file opened from a disk too, and is sent as a header where the page comes
//! over HTTP.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The page's style sheet.
pub(crate) const STYLE: &str = include_str!("../templates/report.css");
/// The page's script: the filter, and nothing that is needed to read it.
pub(crate) const SCRIPT: &str = include_str!("../templates/filter.js");

/// The value of `Content-Security-Policy`, as a page of its own can say it.
pub(crate) fn of_page() -> &'static str {
    static POLICY: OnceLock<String> = OnceLock::new();
    POLICY.get_or_init(|| {
        let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
        format!(
            "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; base-uri 'none'; \
             form-action 'none'",
            hash(STYLE),
            hash(SCRIPT)
        )
    })
}

/// The value of the header `Content-Security-Policy` for every page: also, nobody may show it in a frame.
pub fn policy() -> String {
    format!("{}; frame-ancestors 'none'", of_page())
}
