//! Route families, one file per noun; each gives `router()`.

pub(crate) mod deployment;
pub(crate) mod organizations;
pub(crate) mod users;
