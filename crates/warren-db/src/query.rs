//! Queries, one file per noun. Reads take any connection, writes take [`crate::Tx`]; ids are the typed ones.
