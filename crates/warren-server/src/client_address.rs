//! Who is at the other end: the peer of the connection, or the client that a trusted proxy names.
//!
//! Headers that name a client are believed from trusted proxies only and removed from every other request, so that
//! nothing behind this module can be told a false address.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};
use thiserror::Error;

use network::Network;

mod network;

/// Headers that carry a client's address. Requests of strangers lose all of them.
const KNOWN: [HeaderName; 5] = [
    FORWARDED_FOR,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("true-client-ip"),
    HeaderName::from_static("cf-connecting-ip"),
    HeaderName::from_static("forwarded"),
];
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address at the other end of the connection, in a request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Why the trusted proxies cannot be used.
#[derive(Debug, Error)]
pub enum ProxyConfigError {
    #[error("{0:?} in --proxy-trusted-headers is not a header name")]
    Header(String),
    #[error("{0:?} in --proxy-trusted-origins is not a network; write it as 10.0.0.0/8 or as one address")]
    Origin(String),
}

/// Which proxies may name the client, and in which headers.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrustedProxies {
    headers: Vec<HeaderName>,
    origins: Vec<Network>,
}

impl TrustedProxies {
    /// Reads the two options. Proxies without a header are believed in `X-Forwarded-For`.
    ///
    /// # Errors
    /// Names the value that is not a header or a network.
    pub(crate) fn parse(headers: &[String], origins: &[String]) -> Result<Self, ProxyConfigError> {
        let header = |text: &String| text.trim().parse().map_err(|_| ProxyConfigError::Header(text.clone()));
        let origin = |text: &String| text.trim().parse().map_err(|()| ProxyConfigError::Origin(text.clone()));
        let mut headers = headers.iter().map(header).collect::<Result<Vec<_>, _>>()?;
        let origins = origins.iter().map(origin).collect::<Result<Vec<_>, _>>()?;
        if headers.is_empty() && !origins.is_empty() {
            headers.push(FORWARDED_FOR);
        }
        Ok(Self { headers, origins })
    }

    /// The client's address. Removes the headers that the peer may not send.
    pub(crate) fn client(&self, peer: IpAddr, headers: &mut HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            for name in KNOWN.iter().chain(&self.headers) {
                headers.remove(name);
            }
            return peer;
        }
        self.headers.iter().find_map(|name| self.named(name, headers)).unwrap_or(peer)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.origins.iter().any(|network| network.contains(address))
    }

    /// The last address of the header that is not a trusted proxy itself: what stands before it, anyone may have written.
    fn named(&self, name: &HeaderName, headers: &HeaderMap) -> Option<IpAddr> {
        let values: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        let mut addresses = values.iter().flat_map(|value| value.split(',')).rev().map(parse_address);
        addresses.find_map(|address| match address {
            Some(address) if self.trusts(address) => None,
            other => Some(other),
        })?
    }
}

/// An address, with or without a port.
fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests;
