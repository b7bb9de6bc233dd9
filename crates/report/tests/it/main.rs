//! Reports as pages and as JSON: their structure on a fixed input, hostile values, and that both say the same.

#![expect(clippy::unwrap_used, reason = "what fails in a test panics, in its helpers too")]

mod given;
mod hostile;
mod page;
mod table;
