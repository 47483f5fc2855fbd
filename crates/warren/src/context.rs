//! What every command starts from: global flags, environment, the configuration directory and the client.
//!
//! A flag wins over the environment, the environment over the stored configuration. Each variable has a `CODER_` name,
//! which existing tools set, and a `WARREN_` name, which wins.

use std::{path::PathBuf, sync::OnceLock};

use anyhow::{Context as _, bail};
use url::Url;
use warren_sdk::Client;

use crate::{
    args::Globals,
    config::ConfigDir,
    connection::{self, Connection},
    program::not_signed_in,
};

/// The surroundings of a command.
pub struct Context {
    pub config: ConfigDir,
    pub verbose: bool,
    /// Whether a browser may be opened.
    pub may_open: bool,
    /// Whether questions are asked even if the terminal does not look like one.
    pub force_tty: bool,
    warn_of_versions: bool,
    connection: Connection,
    used: OnceLock<Client>,
    url: Option<String>,
    token_flag: Option<String>,
    token_env: Option<String>,
}

impl Context {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// When a variable has a value that cannot be used.
    pub fn from_process(globals: Globals) -> anyhow::Result<Self> {
        Self::new(globals, &|name| std::env::var(name).ok())
    }

    fn new(globals: Globals, env: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Self> {
        let either = |name: &str| {
            env(&format!("WARREN_{name}"))
                .or_else(|| env(&format!("CODER_{name}")))
                .filter(|value| !value.is_empty())
        };
        let directory = globals
            .global_config
            .clone()
            .or_else(|| either("CONFIG_DIR").map(PathBuf::from))
            .unwrap_or_else(|| ConfigDir::default_path(env));
        let switch = |flag: bool, name: &str| {
            flag || either(name).is_some_and(|value| !matches!(value.as_str(), "false" | "0"))
        };
        Ok(Self {
            config: ConfigDir::new(directory),
            verbose: switch(globals.verbose, "VERBOSE"),
            may_open: !switch(globals.no_open, "NO_OPEN"),
            force_tty: switch(globals.force_tty, "FORCE_TTY"),
            warn_of_versions: !switch(globals.no_version_warning, "NO_VERSION_WARNING"),
            connection: connection_of(&globals, &either)?,
            used: OnceLock::new(),
            url: globals.url.or_else(|| either("URL")),
            token_flag: globals.token,
            token_env: either("SESSION_TOKEN"),
        })
    }

    /// Returns the client that the command has used, if versions are to be compared.
    pub fn used_client(&self) -> Option<Client> {
        self.used.get().filter(|_| self.warn_of_versions).cloned()
    }

    /// Returns the server that flags, environment or configuration name.
    ///
    /// # Errors
    /// When none is named, or the text is not a URL.
    pub fn server_url(&self) -> anyhow::Result<Url> {
        let text = match &self.url {
            Some(url) => url.clone(),
            None => self.config.url()?.with_context(not_signed_in)?,
        };
        parse_url(&text)
    }

    /// Returns the server URL if any is known.
    ///
    /// # Errors
    /// When the configuration cannot be read.
    pub fn server_url_text(&self) -> anyhow::Result<Option<String>> {
        match &self.url {
            Some(url) => Ok(Some(url.clone())),
            None => self.config.url(),
        }
    }

    /// Returns the token of `--token`.
    pub fn token_flag(&self) -> Option<&str> {
        self.token_flag.as_deref()
    }

    /// Returns the token of the environment.
    pub fn token_env(&self) -> Option<&str> {
        self.token_env.as_deref()
    }

    /// Returns a client with the session.
    ///
    /// # Errors
    /// When there is no session; nothing is asked from the server.
    pub fn client(&self) -> anyhow::Result<Client> {
        let token = self.session_token()?;
        Ok(self.client_of(self.server_url()?)?.with_token(token))
    }

    /// Returns a client of a server without a session.
    ///
    /// # Errors
    /// When what flags or environment say about the connection cannot be used.
    pub fn client_of(&self, url: Url) -> anyhow::Result<Client> {
        let options = self.connection.options(url.as_str().trim_end_matches('/'))?;
        let client = Client::with_options(url, &options)?;
        // Only the first client is looked at afterwards: a command talks to one server.
        let _ = self.used.set(client.clone());
        Ok(client)
    }

    fn session_token(&self) -> anyhow::Result<String> {
        match self.token_flag.clone().or_else(|| self.token_env.clone()) {
            Some(token) => Ok(token),
            None => self.config.session()?.with_context(not_signed_in),
        }
    }
}

fn connection_of(globals: &Globals, env: &dyn Fn(&str) -> Option<String>) -> anyhow::Result<Connection> {
    let file = |flag: &Option<PathBuf>, name: &str| {
        flag.as_ref().map(|path| path.display().to_string()).or_else(|| env(name))
    };
    let headers = match env("HEADER").filter(|_| globals.header.is_empty()) {
        Some(text) => connection::headers(&text.replace(',', "\n")).context("CODER_HEADER cannot be used")?,
        None => globals.header.clone(),
    };
    Ok(Connection {
        headers,
        header_command: globals.header_command.clone().or_else(|| env("HEADER_COMMAND")),
        ca_file: file(&globals.client_tls_ca_file, "CLIENT_TLS_CA_FILE"),
        cert_file: file(&globals.client_tls_cert_file, "CLIENT_TLS_CERT_FILE"),
        key_file: file(&globals.client_tls_key_file, "CLIENT_TLS_KEY_FILE"),
    })
}

/// Reads a server address the way people type it: without a scheme it is https, on this machine http.
///
/// # Errors
/// When it is not an address.
pub fn parse_url(text: &str) -> anyhow::Result<Url> {
    let text = text.trim().trim_end_matches('/');
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        let host = text.split([':', '/']).next().unwrap_or_default();
        let scheme = if matches!(host, "localhost" | "127.0.0.1") { "http" } else { "https" };
        format!("{scheme}://{text}")
    };
    let url = Url::parse(&full).with_context(|| format!("{text:?} is not a server URL"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        bail!("{text:?} is not a server URL: it must begin with http:// or https://");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(flags: Globals, env: &[(&str, &str)]) -> Context {
        let pairs: Vec<_> = env.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        Context::new(flags, &move |name| {
            pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
        })
        .unwrap()
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_stored_url() {
        let dir = tempfile::tempdir().unwrap();
        let directory = dir.path().to_str().unwrap();
        ConfigDir::new(dir.path().into()).store("http://stored:1", "stored").unwrap();
        let flag = Globals { url: Some("http://flag:1".into()), ..Globals::default() };
        let env = [("CODER_URL", "http://env:1"), ("CODER_CONFIG_DIR", directory)];
        assert_eq!(context(flag, &env).server_url().unwrap().host_str(), Some("flag"));
        assert_eq!(context(Globals::default(), &env).server_url().unwrap().host_str(), Some("env"));
        let stored = context(Globals::default(), &env[1..]);
        assert_eq!(stored.server_url().unwrap().host_str(), Some("stored"));
        assert_eq!(stored.session_token().unwrap(), "stored");
    }

    #[test]
    fn our_own_variable_wins_over_the_compatible_one() {
        let both = [("CODER_CONFIG_DIR", "/coder"), ("WARREN_CONFIG_DIR", "/warren")];
        assert_eq!(context(Globals::default(), &both).config.path(), std::path::Path::new("/warren"));
    }

    #[test]
    fn without_a_session_the_command_to_sign_in_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let nowhere = context(Globals::default(), &[("CODER_CONFIG_DIR", dir.path().to_str().unwrap())]);
        assert_eq!(nowhere.client().err().unwrap().to_string(), not_signed_in());
    }

    #[test]
    fn an_address_without_scheme_gets_one() {
        for (typed, full) in [
            ("dev.example.com", "https://dev.example.com/"),
            ("localhost:3000", "http://localhost:3000/"),
            ("127.0.0.1:3000/", "http://127.0.0.1:3000/"),
            ("http://dev.example.com/base/", "http://dev.example.com/base"),
        ] {
            assert_eq!(parse_url(typed).unwrap().as_str(), full);
        }
        assert!(parse_url("ftp://x").is_err());
        assert!(parse_url("").is_err());
    }
}
