//! Which of this machine's addresses others can use.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::{UdpSocket, lookup_host},
    time::timeout,
};
use url::Url;

/// For the name of the database, which has been found before.
const DEADLINE: Duration = Duration::from_secs(5);
const POSTGRES_PORT: u16 = 5432;

/// Which listener other servers come to, with its scheme: the one without TLS, as what servers say to each other is sealed
/// anyhow, unless only the other one can be reached from elsewhere.
pub(super) fn reachable(
    plain: Option<SocketAddr>,
    tls: Option<SocketAddr>,
) -> Option<(&'static str, SocketAddr)> {
    let plain = plain.map(|address| ("http", address));
    let tls = tls.map(|address| ("https", address));
    let from_elsewhere = |(_, address): &(_, SocketAddr)| !address.ip().is_loopback();
    plain.filter(from_elsewhere).or(tls.filter(from_elsewhere)).or(plain).or(tls)
}

/// The address from which this machine reaches the database that the servers share: the others are there too. Nothing is
/// sent.
pub(super) async fn own_address(postgres: &str) -> Option<IpAddr> {
    let url = Url::parse(postgres).ok()?;
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']');
    let port = url.port().unwrap_or(POSTGRES_PORT);
    let found = timeout(DEADLINE, lookup_host((host, port))).await.ok()?.ok()?.next()?;
    let any: IpAddr = if found.is_ipv4() { [0, 0, 0, 0].into() } else { [0_u16; 8].into() };
    let socket = UdpSocket::bind((any, 0)).await.ok()?;
    socket.connect(found).await.ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_servers_come_to_the_listener_that_they_can_reach() {
        let address = |text: &str| Some(text.parse::<SocketAddr>().unwrap());
        let (own, all) = (address("127.0.0.1:80"), address("0.0.0.0:443"));
        let expected = |scheme, address: Option<SocketAddr>| address.map(|address| (scheme, address));
        assert_eq!(reachable(all, None), expected("http", all));
        assert_eq!(reachable(None, own), expected("https", own));
        assert_eq!(reachable(all, all), expected("http", all));
        assert_eq!(reachable(own, all), expected("https", all), "nobody else can use the first");
        assert_eq!(reachable(all, own), expected("http", all));
        assert_eq!(reachable(own, own), expected("http", own));
        assert_eq!(reachable(None, None), None);
    }

    #[tokio::test]
    async fn the_way_to_the_database_tells_the_address() {
        let found = own_address("postgres://warren:secret@127.0.0.1:5433/warren").await;
        assert_eq!(found, Some([127, 0, 0, 1].into()));
        assert_eq!(own_address("not a url").await, None);
    }
}
