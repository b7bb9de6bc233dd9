//! Free ports on loopback.
//!
//! Used by [`crate::kafka`] and by tests' clusters that answer on TCP. They lie below the range that the system hands out by itself, so that no outgoing
//! connection takes one between our look and the server's bind; a server that loses the race anyway ends, and is tried
//! again on others.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};

const FIRST: u16 = 20_000;
const COUNT: u64 = 12_000;

/// Two different ports on which nothing listens now.
pub(crate) fn two_free() -> (u16, u16) {
    let first = free(0);
    (first, free(first))
}

/// A port on which nothing listens now.
pub(crate) fn one_free() -> u16 {
    free(0)
}

fn free(besides: u16) -> u16 {
    loop {
        // The standard library's hash seeds are its only public source of random numbers; more is not needed here.
        let drawn = RandomState::new().build_hasher().finish() % COUNT;
        let port = FIRST + drawn as u16;
        if port != besides && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
