//! Tests of the use cases on a real SQLite file. Provisioners are played by writing job rows.

mod support;
mod templates;
mod workspaces;
