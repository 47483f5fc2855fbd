//! Servers with and without the key.
//!
//! Guards that were taken away, and the tests that failed:
//!
//! | guard | test |
//! |---|---|
//! | the server that is meant | `a_dial_that_reaches_another_server_is_refused` |
//! | the proof of whoever accepts | `whoever_only_names_the_key_is_refused_on_either_side` |
//! | the proof of whoever dials | `whoever_only_names_the_key_is_refused_on_either_side` |
//! | proofs of both sides differ | `a_proof_is_worth_nothing_in_another_conversation_or_from_the_other_side` |
//! | a proof covers the hello | `a_proof_is_worth_nothing_in_another_conversation_or_from_the_other_side` |
//! | a proof covers the other random number | `a_proof_is_worth_nothing_in_another_conversation_or_from_the_other_side` |
//! | each direction has its key | `frames_that_are_repeated_swapped_changed_or_sent_back_are_refused` |
//! | frames are counted | `frames_that_are_repeated_swapped_changed_or_sent_back_are_refused` |
//! | versions in common | `the_newest_common_version_is_spoken_and_others_are_refused` |

use super::*;
use crate::cipher::CipherError;

fn key(n: u8) -> Key {
    Key { id: Uuid::from_bytes([n; 16]), secret: [n; 32] }
}

struct Pair {
    dialler: ReplicaId,
    other: ReplicaId,
}

impl Pair {
    fn new() -> Self {
        Self { dialler: ReplicaId::new(), other: ReplicaId::new() }
    }

    fn dial(&self, keys: &[Key], nonce: u8) -> Dialling {
        Dialling::new(self.dialler, self.other, keys.to_vec(), [nonce; 32])
    }

    fn accept(&self, hello: &[u8], keys: &[Key]) -> Result<(Accepting, Vec<u8>), HandshakeError> {
        Accepting::new(self.other, hello, keys, [9; 32])
    }

    fn connect(&self, here: &[Key], there: &[Key]) -> Result<(Established, Established), HandshakeError> {
        let dialling = self.dial(here, 1);
        let (accepting, challenge) = self.accept(&dialling.hello(), there)?;
        let (answer, near) = dialling.answer(&challenge)?;
        Ok((near, accepting.finish(&answer)?))
    }
}

#[test]
fn servers_with_a_common_key_know_each_other_and_can_talk() {
    let pair = Pair::new();
    let (mut near, mut far) = pair.connect(&[key(2), key(1)], &[key(3), key(2), key(1)]).unwrap();
    assert_eq!((near.peer, far.peer), (pair.other, pair.dialler));
    assert_eq!((near.version, far.version), (VERSION_MAX, VERSION_MAX));
    for text in ["one", "two"] {
        let sealed = near.sealing.seal(text.into()).unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains(text));
        assert_eq!(far.opening.open(sealed).unwrap(), text.as_bytes());
        let sealed = far.sealing.seal(text.into()).unwrap();
        assert_eq!(near.opening.open(sealed).unwrap(), text.as_bytes());
    }
}

#[test]
fn frames_that_are_repeated_swapped_changed_or_sent_back_are_refused() {
    let talk = || Pair::new().connect(&[key(1)], &[key(1)]).unwrap();
    let (mut near, mut far) = talk();
    let (first, second) =
        (near.sealing.seal(b"1".to_vec()).unwrap(), near.sealing.seal(b"2".to_vec()).unwrap());
    assert_eq!(far.opening.open(second), Err(CipherError));
    let (mut near, mut far_again) = talk();
    let sealed = near.sealing.seal(b"1".to_vec()).unwrap();
    far_again.opening.open(sealed.clone()).unwrap();
    assert_eq!(far_again.opening.open(sealed), Err(CipherError));
    let (mut near, mut far) = talk();
    let mut changed = near.sealing.seal(b"1".to_vec()).unwrap();
    changed[0] ^= 1;
    assert_eq!(far.opening.open(changed), Err(CipherError));
    let (mut near, _) = talk();
    let own = near.sealing.seal(b"1".to_vec()).unwrap();
    assert_eq!(near.opening.open(own), Err(CipherError));
    let (_, mut stranger) = talk();
    assert_eq!(stranger.opening.open(first), Err(CipherError), "of another connection under the same key");
}

#[test]
fn servers_without_a_common_key_stay_apart() {
    let pair = Pair::new();
    assert_eq!(pair.connect(&[key(1)], &[key(2)]).err(), Some(HandshakeError::NoCommonKey));
    assert_eq!(pair.connect(&[], &[key(2)]).err(), Some(HandshakeError::NoCommonKey));
}

#[test]
fn whoever_only_names_the_key_is_refused_on_either_side() {
    let pair = Pair::new();
    let named = Key { secret: [0; 32], ..key(1) };
    assert_eq!(pair.connect(&[key(1)], std::slice::from_ref(&named)).err(), Some(HandshakeError::BadProof));
    let dialling = pair.dial(&[named], 1);
    let (accepting, challenge) = pair.accept(&dialling.hello(), &[key(1)]).unwrap();
    // It does not check what it cannot, and makes something up.
    assert!(dialling.answer(&challenge).is_err());
    let made_up = written(&Answer { proof: vec![7; 32] });
    assert_eq!(accepting.finish(&made_up).err(), Some(HandshakeError::BadProof));
}

#[test]
fn a_proof_is_worth_nothing_in_another_conversation_or_from_the_other_side() {
    let pair = Pair::new();
    let (dialling, again) = (pair.dial(&[key(1)], 1), pair.dial(&[key(1)], 2));
    let (_, challenge) = pair.accept(&dialling.hello(), &[key(1)]).unwrap();
    assert_eq!(again.answer(&challenge).err(), Some(HandshakeError::BadProof), "another dial");
    let hello = dialling.hello();
    let (answer, _) = dialling.answer(&challenge).unwrap();
    let (accepting, _) = Accepting::new(pair.other, &hello, &[key(1)], [8; 32]).unwrap();
    assert_eq!(accepting.finish(&answer).err(), Some(HandshakeError::BadProof), "the same words again");
    let third = pair.dial(&[key(1)], 3);
    let (accepting, challenge) = pair.accept(&third.hello(), &[key(1)]).unwrap();
    assert_eq!(accepting.finish(&answer).err(), Some(HandshakeError::BadProof), "another answer");
    let (accepting, _) = pair.accept(&third.hello(), &[key(1)]).unwrap();
    let mirrored: Challenge = read(&challenge).unwrap();
    let mirrored = written(&Answer { proof: mirrored.proof });
    assert_eq!(accepting.finish(&mirrored).err(), Some(HandshakeError::BadProof), "its own proof");
}

#[test]
fn a_dial_that_reaches_another_server_is_refused() {
    let pair = Pair::new();
    let hello = pair.dial(&[key(1)], 1).hello();
    let found = Accepting::new(ReplicaId::new(), &hello, &[key(1)], [9; 32]);
    let meant: Hello = read(&hello).unwrap();
    assert_eq!(found.err(), Some(HandshakeError::WrongServer { meant: meant.to }));
}

#[test]
fn a_dialler_learns_why_it_is_not_let_in() {
    let pair = Pair::new();
    let told = |here: &[Key], other: ReplicaId| {
        let dialling = pair.dial(here, 1);
        let refused = Accepting::new(other, &dialling.hello(), &[key(1)], [9; 32]).err().unwrap();
        let told = dialling.answer(&refused.refusal().unwrap()).err().unwrap();
        assert_eq!(told, refused);
        told.to_string()
    };
    assert!(told(&[key(1)], ReplicaId::new()).contains("--relay-address"));
    assert!(told(&[key(2)], pair.other).contains("the same keys for secrets"));
    let newer = HandshakeError::Version { min: 7, max: 9 };
    let told = pair.dial(&[key(1)], 1).answer(&newer.refusal().unwrap()).err();
    assert_eq!(
        told,
        Some(HandshakeError::Version { min: VERSION_MIN, max: VERSION_MAX }),
        "what the other speaks"
    );
    assert_eq!(HandshakeError::Malformed.refusal(), None, "whoever is no server is told nothing");
}

#[test]
fn the_newest_common_version_is_spoken_and_others_are_refused() {
    let pair = Pair::new();
    let hello = |min, max| {
        let (from, to, keys) = (pair.dialler, pair.other, vec![key(1).id]);
        written(&Hello { min, max, from, to, keys, nonce: [1; 32] })
    };
    let (accepting, _) = pair.accept(&hello(VERSION_MIN, VERSION_MAX + 3), &[key(1)]).unwrap();
    assert_eq!(accepting.version, VERSION_MAX);
    for (min, max) in [(VERSION_MAX + 1, VERSION_MAX + 3), (0, VERSION_MIN - 1)] {
        let refused = pair.accept(&hello(min, max), &[key(1)]).err();
        assert_eq!(refused, Some(HandshakeError::Version { min, max }));
    }
}

#[test]
fn nonsense_is_refused_without_a_panic() {
    let pair = Pair::new();
    for nonsense in [&b""[..], b"{}", b"\xff\xff", b"[1,2]", &[b' '; MESSAGE_MAX + 1]] {
        assert_eq!(pair.accept(nonsense, &[key(1)]).err(), Some(HandshakeError::Malformed));
        assert_eq!(pair.dial(&[key(1)], 1).answer(nonsense).err(), Some(HandshakeError::Malformed));
    }
}
