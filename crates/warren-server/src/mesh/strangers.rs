//! Servers that somebody looks for at this server's address in vain.
//!
//! After a restart the others dial the one that was here before, until they learn that it is dead: nobody needs to be told.
//! Another one that is looked for here means that two servers give the same address, or that a network leads astray.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use warren_app::replicas::Replica;
use warren_vocab::ReplicaId;

/// Of so many servers operators are told: anybody may make up ids, which shall fill neither the memory nor the log.
const TOLD_MAX: usize = 100;

/// Of whom operators were told.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    told: Mutex<HashSet<ReplicaId>>,
}

impl Strangers {
    /// Whether operators should learn that somebody looks for a server here: once for each, and not at all for one that is
    /// known to have had this address.
    pub(super) fn is_news(&self, meant: ReplicaId, me: ReplicaId, known: &[Replica]) -> bool {
        let address = |id| known.iter().find(|one| one.id == id).and_then(|one| one.relay_address.as_ref());
        if address(me).is_some_and(|own| address(meant) == Some(own)) {
            return false;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < TOLD_MAX && told.insert(meant)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::{DateTime, TimeDelta};

    use super::*;

    fn server(id: ReplicaId, address: &str, is_alive: bool) -> Replica {
        Replica {
            id,
            hostname: String::from("host"),
            relay_address: Some(address.parse().unwrap()),
            version: String::from("v1"),
            region_id: 999,
            started_at: DateTime::default(),
            silence: TimeDelta::zero(),
            is_alive,
            error: String::new(),
            database_latency: Duration::ZERO,
        }
    }

    #[test]
    fn whoever_was_at_the_address_before_is_no_news() {
        let [me, before, other] = std::array::from_fn(|_| ReplicaId::new());
        let known = [
            server(before, "http://a:1", false),
            server(me, "http://a:1", true),
            server(other, "http://b:1", true),
        ];
        let strangers = Strangers::default();
        assert!(!strangers.is_news(before, me, &known));
        assert!(strangers.is_news(other, me, &known), "it has an address of its own");
        assert!(strangers.is_news(before, me, &known[..1]), "nothing explains it");
    }

    #[test]
    fn a_server_that_is_looked_for_in_vain_is_news_once_and_the_news_have_an_end() {
        let (strangers, me) = (Strangers::default(), ReplicaId::new());
        let first = ReplicaId::new();
        assert!(strangers.is_news(first, me, &[]));
        assert!(!strangers.is_news(first, me, &[]));
        let n_news = (0..TOLD_MAX * 2).filter(|_| strangers.is_news(ReplicaId::new(), me, &[])).count();
        assert_eq!(n_news, TOLD_MAX - 1);
    }
}
