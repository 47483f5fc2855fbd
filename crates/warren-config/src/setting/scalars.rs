//! Single values.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde_json::Value;
use url::Url;
use warren_rt::Secret;

use super::{Kind, Setting, last};
use crate::duration::{format_duration, parse_duration};

impl Setting for bool {
    fn kind(&self) -> Kind {
        Kind::Switch
    }

    fn set_texts(&mut self, texts: &[String]) -> Result<(), String> {
        *self = match last(texts).to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" | "t" => true,
            "false" | "0" | "no" | "off" | "f" => false,
            _ => return Err("true or false".into()),
        };
        Ok(())
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn json(&self) -> Value {
        Value::Bool(*self)
    }
}

macro_rules! number {
    ($kind:ty, $expected:literal) => {
        impl Setting for $kind {
            fn kind(&self) -> Kind {
                Kind::Number
            }

            fn set_texts(&mut self, texts: &[String]) -> Result<(), String> {
                *self = last(texts).parse().map_err(|_| $expected.to_owned())?;
                Ok(())
            }

            fn text(&self) -> String {
                self.to_string()
            }

            fn json(&self) -> Value {
                Value::from(*self)
            }
        }
    };
}

number!(u32, "a whole number from 0 to 4294967295");
number!(u64, "a whole number from 0");

impl Setting for Duration {
    fn kind(&self) -> Kind {
        Kind::Duration
    }

    fn set_texts(&mut self, texts: &[String]) -> Result<(), String> {
        *self = parse_duration(last(texts))?;
        Ok(())
    }

    fn text(&self) -> String {
        format_duration(*self)
    }

    /// In nanoseconds, as everywhere in the API.
    fn json(&self) -> Value {
        Value::from(u64::try_from(self.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl Setting for String {
    fn kind(&self) -> Kind {
        Kind::Text
    }

    fn set_texts(&mut self, texts: &[String]) -> Result<(), String> {
        *self = last(texts).to_owned();
        Ok(())
    }

    fn text(&self) -> String {
        self.clone()
    }
}

impl Setting for Secret<String> {
    fn kind(&self) -> Kind {
        Kind::Secret
    }

    fn set_texts(&mut self, texts: &[String]) -> Result<(), String> {
        *self = Self::new(last(texts).to_owned());
        Ok(())
    }

    fn text(&self) -> String {
        String::new()
    }
}

impl Setting for PathBuf {
    fn kind(&self) -> Kind {
        Kind::Path
    }

    fn set_texts(&mut self, texts: &[String]) -> Result<(), String> {
        *self = last(texts).into();
        Ok(())
    }

    fn text(&self) -> String {
        self.display().to_string()
    }
}

impl Setting for Option<PathBuf> {
    fn kind(&self) -> Kind {
        Kind::Path
    }

    fn set_texts(&mut self, texts: &[String]) -> Result<(), String> {
        *self = Some(last(texts)).filter(|text| !text.is_empty()).map(PathBuf::from);
        Ok(())
    }

    fn text(&self) -> String {
        self.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
    }
}

impl Setting for Option<Url> {
    fn kind(&self) -> Kind {
        Kind::Url
    }

    fn set_texts(&mut self, texts: &[String]) -> Result<(), String> {
        let text = last(texts);
        *self = if text.is_empty() { None } else { Some(parse_url(text)?) };
        Ok(())
    }

    fn text(&self) -> String {
        self.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()).unwrap_or_default()
    }
}

/// An address without a scheme is https, on this machine http.
fn parse_url(text: &str) -> Result<Url, String> {
    let wrong = || "a URL that begins with http:// or https://".to_owned();
    let full = if text.contains("://") {
        text.to_owned()
    } else {
        let host = text.split([':', '/']).next().unwrap_or_default();
        let scheme = if matches!(host, "localhost" | "127.0.0.1") { "http" } else { "https" };
        format!("{scheme}://{text}")
    };
    let mut url = Url::parse(&full).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("a URL without `?` and `#`".into());
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

impl Setting for SocketAddr {
    fn kind(&self) -> Kind {
        Kind::Address
    }

    fn set_texts(&mut self, texts: &[String]) -> Result<(), String> {
        *self = parse_address(last(texts))?;
        Ok(())
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl Setting for Option<SocketAddr> {
    fn kind(&self) -> Kind {
        Kind::Address
    }

    fn set_texts(&mut self, texts: &[String]) -> Result<(), String> {
        let text = last(texts);
        *self = if text.is_empty() { None } else { Some(parse_address(text)?) };
        Ok(())
    }

    fn text(&self) -> String {
        self.map(|address| address.to_string()).unwrap_or_default()
    }
}

/// `:3000` listens everywhere, `localhost:3000` on this machine only.
fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let full = match text.rsplit_once(':') {
        Some(("", port)) => format!("0.0.0.0:{port}"),
        Some(("localhost", port)) => format!("127.0.0.1:{port}"),
        Some(_) | None => text.to_owned(),
    };
    full.parse().map_err(|_| "an IP address and a port, such as 127.0.0.1:3000 or 0.0.0.0:3000".to_owned())
}
