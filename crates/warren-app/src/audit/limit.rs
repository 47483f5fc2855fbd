//! How many failed attempts are recorded, so that a flood of them cannot fill the disk.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use warren_vocab::UserId;

const WINDOW: Duration = Duration::from_secs(60);
/// Entries of one account or one address in a window.
const EACH_MAX: u32 = 30;
/// Entries of everybody who is not signed in, in a window: less than 50 MB a day.
const ANONYMOUS_MAX: u32 = 120;
/// Entries of everybody in a window.
const ALL_MAX: u32 = 600;

/// Counts the failures of the current window.
#[derive(Debug, Default)]
pub(crate) struct FailureLimit {
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    begin: Option<Instant>,
    /// At most [`ALL_MAX`] of them: only recorded ones are counted.
    by_key: HashMap<Key, u32>,
    n_anonymous: u32,
    n_all: u32,
    n_dropped: u32,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    User(UserId),
    Address(Option<IpAddr>),
}

impl FailureLimit {
    /// Whether a failure may be recorded; counts it if so.
    pub(crate) fn allows(&self, user: Option<UserId>, ip: Option<IpAddr>, now: Instant) -> bool {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.turn(now);
        window.take(user, ip)
    }
}

/// The address that failures are counted by: an IPv6 network is one client.
fn client(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => IpAddr::V4(ip),
        IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

impl Window {
    fn turn(&mut self, now: Instant) {
        if self.begin.is_some_and(|begin| now.saturating_duration_since(begin) < WINDOW) {
            return;
        }
        if self.n_dropped > 0 {
            tracing::warn!(
                count = self.n_dropped,
                "more failed attempts than the audit log takes were left out"
            );
        }
        *self = Self { begin: Some(now), ..Self::default() };
    }

    fn take(&mut self, user: Option<UserId>, ip: Option<IpAddr>) -> bool {
        let is_anonymous = user.is_none();
        let key = user.map_or_else(|| Key::Address(ip.map(client)), Key::User);
        let n_key = self.by_key.get(&key).copied().unwrap_or_default();
        let is_full =
            n_key >= EACH_MAX || self.n_all >= ALL_MAX || (is_anonymous && self.n_anonymous >= ANONYMOUS_MAX);
        if is_full {
            self.n_dropped = self.n_dropped.saturating_add(1);
            return false;
        }
        self.by_key.insert(key, n_key + 1);
        self.n_all += 1;
        self.n_anonymous += u32::from(is_anonymous);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn one_address_and_all_strangers_together_are_limited() {
        let limit = FailureLimit::default();
        let begin = Instant::now();
        let of_one = (0..1000).filter(|_| limit.allows(None, address(1), begin)).count();
        assert_eq!(of_one, 30);
        let of_many = (0..200).filter(|last| limit.allows(None, address(*last), begin)).count();
        assert_eq!(of_one + of_many, 120);
    }

    #[test]
    fn strangers_leave_room_for_accounts() {
        let limit = FailureLimit::default();
        let begin = Instant::now();
        for last in 0..=255 {
            limit.allows(None, address(last), begin);
        }
        let user = UserId::new();
        let of_user = (0..100).filter(|_| limit.allows(Some(user), address(1), begin)).count();
        assert_eq!(of_user, 30);
        assert!(limit.allows(Some(UserId::new()), address(1), begin));
    }

    #[test]
    fn the_next_minute_begins_anew() {
        let limit = FailureLimit::default();
        let begin = Instant::now();
        while limit.allows(None, address(1), begin) {}
        assert!(limit.allows(None, address(1), begin + WINDOW));
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let limit = FailureLimit::default();
        let begin = Instant::now();
        let of_network = |host: u16| Some(IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, host]));
        let recorded = (0..100).filter(|host| limit.allows(None, of_network(*host), begin)).count();
        assert_eq!(recorded, 30);
    }
}
