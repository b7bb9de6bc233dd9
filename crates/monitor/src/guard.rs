//! Where a message may go: to public addresses, and to hosts that the target's file allows by name.
//!
//! Used by [`crate::Courier`]: [`Guard::check`] looks at the address that is asked for, and as the client's resolver the
//! guard looks at what a name stands for at the moment of the connection, which is made to one of the addresses it
//! gives and to no other. A name that is public when it is looked at and private when it is used gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Why an address is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Neither `https` nor, for an allowed host, `http`.
    #[error("the address is not `https`, and `allow_hosts` does not name its host")]
    Scheme,
    /// A URL without a host.
    #[error("the address has no host")]
    NoHost,
    /// Loopback, private, link-local, or reserved.
    #[error("the address leads to a network that is not public, and `allow_hosts` does not name its host")]
    NotPublic,
}

/// What a target may reach.
#[derive(Clone, Debug)]
pub struct Guard {
    allow_hosts: Arc<[String]>,
}

impl Guard {
    /// A guard that lets these hosts be private; they are in small letters.
    pub fn new(allow_hosts: &[String]) -> Self {
        Self {
            allow_hosts: allow_hosts.into(),
        }
    }

    /// Whether an address may be asked at all: its scheme, and its host where that is no name.
    pub fn check(&self, url: &Url) -> Result<(), Refused> {
        let host = url.host_str().ok_or(Refused::NoHost)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let allowed = self.allows(bare);
        match url.scheme() {
            "https" => {}
            "http" if allowed => {}
            _ => return Err(Refused::Scheme),
        }
        // The URL's reader has turned `0x7f.1` and `2130706433` into what they mean.
        match bare.parse::<IpAddr>() {
            Ok(address) if !allowed && !is_public(address) => Err(Refused::NotPublic),
            _ => Ok(()),
        }
    }

    fn allows(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.');
        self.allow_hosts
            .iter()
            .any(|allowed| allowed.eq_ignore_ascii_case(host))
    }

    /// What is left of what a name stands for.
    fn screen(&self, host: &str, found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, Refused> {
        let allowed = self.allows(host);
        let kept: Vec<SocketAddr> = found.filter(|address| allowed || is_public(address.ip())).collect();
        if kept.is_empty() {
            Err(Refused::NotPublic)
        } else {
            Ok(kept)
        }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let kept = guard.screen(name.as_str(), found)?;
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

/// Whether an address belongs to the public internet, by IANA's registries of special-purpose addresses.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = match address.octets() {
        // This network, private, loopback.
        [0 | 10 | 127, ..] => true,
        // Shared between providers and their customers.
        [100, second, ..] => second & 0xc0 == 64,
        // Link-local, where clouds tell machines their credentials.
        [169, 254, ..] => true,
        [172, second, ..] => second & 0xf0 == 16,
        [192, 168, ..] => true,
        // Protocol assignments, documentation, the old 6to4 relays.
        [192, 0, 0 | 2, _] | [192, 88, 99, _] => true,
        // Measurements between networks.
        [198, 18 | 19, ..] => true,
        [198, 51, 100, _] | [203, 0, 113, _] => true,
        // Multicast, reserved, broadcast.
        [first, ..] => first >= 224,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    match segments {
        // An IPv4 address in another dress: mapped, and translated by NAT64.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        // 6to4: the IPv4 address comes first.
        [0x2002, high, low, ..] => embedded(high, low),
        // Protocol assignments (Teredo among them) and documentation.
        [0x2001, second, ..] => second >= 0x200 && second != 0xdb8,
        [0x3fff, second, ..] => second >= 0x1000,
        // Global unicast; all else is loopback, local, multicast or not yet anything.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
