//! Tests of the database handle on a real SQLite file.

mod database;
