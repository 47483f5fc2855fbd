//! Where a change comes from: a request, or the server itself.

use std::net::IpAddr;

use warren_vocab::{RequestId, UserId};

use crate::diff::clean_text;

/// Bytes of a user agent's name that are kept.
const USER_AGENT_BYTES_MAX: usize = 256;
/// What a route answers when nothing else is known.
const STATUS_DEFAULT: u16 = 200;

/// Where a change comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub request_id: RequestId,
    /// The client's address; absent for work that the server does by itself.
    pub ip: Option<IpAddr>,
    /// What the client calls itself; for background work the name of the task.
    pub user_agent: String,
    /// The status that the request has when it succeeds.
    pub success_status: u16,
}

impl Origin {
    /// The origin of a request's changes.
    pub fn request(request_id: RequestId, ip: Option<IpAddr>, user_agent: &str, success_status: u16) -> Self {
        Self { request_id, ip, user_agent: clean_text(user_agent, USER_AGENT_BYTES_MAX), success_status }
    }

    /// The origin of work that the server does by itself, with the name of the task. Entries of one origin have one
    /// request id, so make a new one for every run.
    pub fn system(task: &'static str) -> Self {
        Self {
            request_id: RequestId::new(),
            ip: None,
            user_agent: format!("warren/{task}"),
            success_status: STATUS_DEFAULT,
        }
    }
}

/// Who did it and from where. An account's actor and a bare [`Origin`] turn into it.
#[derive(Debug, Clone, Copy)]
pub struct Author<'a> {
    /// Absent when nobody is signed in, and for work that the server does by itself.
    pub user: Option<UserId>,
    pub origin: &'a Origin,
}

impl<'a> Author<'a> {
    /// An account.
    pub fn user(user: UserId, origin: &'a Origin) -> Self {
        Self { user: Some(user), origin }
    }
}

impl<'a> From<&'a Origin> for Author<'a> {
    fn from(origin: &'a Origin) -> Self {
        Self { user: None, origin }
    }
}
