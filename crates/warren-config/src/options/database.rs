//! Storage.

use super::{Group, Opt, field};

pub(super) const TABLE: &[Opt] = &[
    Opt::new(
        "Data Directory",
        "data-dir",
        "DATA_DIR",
        "dataDir",
        field!(database.data_dir),
        "Where the SQLite database, the key and everything else on disk is kept.",
    )
    .default_text("~/.local/share/warren")
    .group(Group::Database),
    Opt::new(
        "Postgres Connection URL",
        "postgres-url",
        "PG_CONNECTION_URL",
        "",
        field!(database.postgres_url),
        "URL of a PostgreSQL database, postgres://user:password@host/name. Empty: SQLite in the data directory.",
    )
    .wire("pg_connection_url")
    .group(Group::Database),
    Opt::new(
        "Postgres Connection Max Open",
        "postgres-conn-max-open",
        "PG_CONN_MAX_OPEN",
        "pgConnMaxOpen",
        field!(database.postgres_max_open),
        "Most connections to PostgreSQL for reading and writing. Each server takes up to 7 more for hints and signs of life.",
    )
    .wire("pg_conn_max_open")
    .group(Group::Database),
    Opt::new(
        "Postgres Disable Notify",
        "postgres-disable-notify",
        "PG_DISABLE_NOTIFY",
        "pgDisableNotify",
        field!(database.postgres_disable_notify),
        "Uses neither LISTEN nor NOTIFY, which poolers that share connections do not carry. Changes of other servers are seen \
         some seconds later.",
    )
    .wire("pg_disable_notify")
    .group(Group::Database),
    Opt::new(
        "External Token Encryption Keys",
        "external-token-encryption-keys",
        "EXTERNAL_TOKEN_ENCRYPTION_KEYS",
        "",
        field!(external_token_encryption_keys),
        "Base64 AES-256 keys for secrets in the database; the first encrypts, all decrypt. Empty: the key file of \
         the data directory.",
    )
    .wire("external_token_encryption_keys")
    .group(Group::Database),
];
