//! Which of this machine's addresses others can use.

use std::{net::IpAddr, time::Duration};

use tokio::{
    net::{UdpSocket, lookup_host},
    time::timeout,
};
use url::Url;

/// For the name of the database, which has been found before.
const DEADLINE: Duration = Duration::from_secs(5);
const POSTGRES_PORT: u16 = 5432;

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

    #[tokio::test]
    async fn the_way_to_the_database_tells_the_address() {
        let found = own_address("postgres://warren:secret@127.0.0.1:5433/warren").await;
        assert_eq!(found, Some([127, 0, 0, 1].into()));
        assert_eq!(own_address("not a url").await, None);
    }
}
