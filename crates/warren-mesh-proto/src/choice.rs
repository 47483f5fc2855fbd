//! Which server of a pair dials, and which connection stays when there are two.

use warren_vocab::ReplicaId;

/// Who of two servers made a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialled {
    /// The one with the smaller id, which should.
    ByFirst,
    /// The other one, because the first did not come.
    BySecond,
}

impl Dialled {
    /// Who it is when `dialler` connects to `other`.
    pub fn between(dialler: ReplicaId, other: ReplicaId) -> Self {
        if dialler < other { Self::ByFirst } else { Self::BySecond }
    }
}

/// Whether a new connection takes the place of one that is there. Both servers decide alike, whatever order the connections
/// reach them in.
pub fn wins(new: Dialled, present: Option<Dialled>) -> bool {
    match (new, present) {
        // A second connection of the same dialler means that it has given the first one up.
        (Dialled::ByFirst, _) | (Dialled::BySecond, None | Some(Dialled::BySecond)) => true,
        (Dialled::BySecond, Some(Dialled::ByFirst)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_keep_the_same_connection_in_whatever_order_they_learn_of_them() {
        let keep = |order: &[Dialled]| {
            order.iter().fold(None, |kept, new| if wins(*new, kept) { Some(*new) } else { kept })
        };
        let (first, second) = (Dialled::ByFirst, Dialled::BySecond);
        assert_eq!(keep(&[first, second]), keep(&[second, first]));
        assert_eq!(keep(&[second]), Some(second));
    }

    #[test]
    fn one_of_two_servers_is_the_first_for_both() {
        let (a, b) = (ReplicaId::new(), ReplicaId::new());
        assert_ne!(Dialled::between(a, b), Dialled::between(b, a));
    }
}
