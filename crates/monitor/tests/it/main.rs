//! A courier against receivers that misbehave, over real sockets.

#![expect(clippy::unwrap_used, reason = "what fails in a test panics, in its helpers too")]

mod faults;
mod receiver;
