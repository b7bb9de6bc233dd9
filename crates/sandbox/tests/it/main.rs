//! The servers are really started, killed, joined and left.

mod kafka;
mod mock;
mod postgres;
