//! Variables: `WARREN_X`, else `CODER_X`. An empty one counts as absent.

use std::{collections::BTreeMap, path::PathBuf};

use super::{ConfigError, FILE};
use crate::{nearest::nearest, options::options};

const OWN: &str = "WARREN_";
const COMPATIBLE: &str = "CODER_";

/// Variables of other parts of this program, which may be set where a server starts. One that ends in `_` stands for
/// all that begin so.
const OTHERS: &[&str] = &[
    "AGENT_",
    "BIN",
    "CLIENT_TLS_",
    "CONFIG_DIR",
    "DISABLE_DIRECT_CONNECTIONS",
    "DISABLE_NETWORK_TELEMETRY",
    "EMAIL",
    "EXTERNAL_TOKEN_ENCRYPTION_ENCRYPT_",
    "FIRST_USER_",
    "FORCE_TTY",
    "HEADER",
    "HEADER_COMMAND",
    "KEY",
    "LOG",
    "LOGIN_",
    "MODEL_API_KEY",
    "NO_FEATURE_WARNING",
    "NO_OPEN",
    "NO_VERSION_WARNING",
    "ORGANIZATION",
    "PASSWORD",
    "PG_CONNECTION_AUTH",
    "PROCESS_",
    "RETRY_SECONDS",
    "SESSION_TOKEN",
    "SSH_",
    "TEMPLATE_NAME",
    "TEST_",
    "TOKEN_",
    "URL",
    "USERNAME",
    "USE_KEYRING",
    "VERBOSE",
    "WORKSPACE_",
];

/// Returns the name and value of a variable.
pub(super) fn get<'a>(env: &'a BTreeMap<String, String>, name: &str) -> Option<(String, &'a str)> {
    [OWN, COMPATIBLE].into_iter().find_map(|prefix| {
        let name = format!("{prefix}{name}");
        let value = env.get(&name).filter(|value| !value.is_empty())?;
        Some((name, value.as_str()))
    })
}

/// Refuses a `WARREN_` variable that nothing reads: a setting that silently has no effect is worse than none.
/// `CODER_` variables are left alone, because a deployment may have ones for what does not exist here.
pub(super) fn refuse_unknown(env: &BTreeMap<String, String>) -> Result<(), ConfigError> {
    for (name, value) in env {
        let Some(rest) = name.strip_prefix(OWN) else { continue };
        if is_known(rest) || is_service_link(rest, value) {
            continue;
        }
        // `WARREN_` and the flag's name is what people try first.
        let flag = options().find(|option| option.flag.replace('-', "_").eq_ignore_ascii_case(rest));
        let known = flag.map(|option| option.env);
        let known = known.or_else(|| nearest(rest, options().map(|option| option.env).chain([FILE])));
        let hint = match known {
            Some(known) => format!("did you mean {OWN}{known}?"),
            None => "unset it; `warren server --help` lists the options".to_owned(),
        };
        return Err(ConfigError::UnknownVariable { name: name.clone(), hint });
    }
    Ok(())
}

/// Returns where the data of this user belongs.
pub(super) fn data_dir(env: &BTreeMap<String, String>) -> Option<PathBuf> {
    let set = |name: &str| env.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| home.join(".local/share")))?;
    Some(base.join("warren"))
}

fn is_known(rest: &str) -> bool {
    let other = |other: &&str| if other.ends_with('_') { rest.starts_with(*other) } else { rest == *other };
    rest == FILE || options().any(|option| option.env == rest) || OTHERS.iter().any(other)
}

/// Kubernetes describes every service of a namespace in variables; one named `warren` makes these.
fn is_service_link(rest: &str, value: &str) -> bool {
    rest.ends_with("SERVICE_HOST")
        || rest.contains("SERVICE_PORT")
        || (rest.ends_with("PORT") && value.contains("://"))
        || (rest.contains("PORT_") && ["_TCP", "_UDP"].iter().any(|protocol| rest.contains(protocol)))
}
