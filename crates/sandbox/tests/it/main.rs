//! The servers are really started, killed, joined and left.

#![cfg(test)] // by this clippy knows helpers of tests as test code

mod kafka;
mod killed;
mod mock;
mod monitoring;
mod postgres;
