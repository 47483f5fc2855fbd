//! Accounts, keys, sessions and settings, as clients see them.

mod keys;
mod manage;
mod people;
mod search;
mod sessions;
mod settings;
