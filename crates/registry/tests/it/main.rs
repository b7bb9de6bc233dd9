//! Tests of the registry client: faults against a scripted server, the API against a real registry.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod apicurio;
mod client;
mod schemas;
mod script;
