//! Wire habits of the compatible API that serde needs to be told.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use uuid::Uuid;

/// Reads the all-zero id, `null` and an absent field alike as `None`: official clients send zeros for "not set".
///
/// # Errors
/// Fails on a text that is not a UUID.
pub fn nil_as_none<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: From<NonNil>,
{
    let id = Option::<Uuid>::deserialize(deserializer)?;
    Ok(id.filter(|id| !id.is_nil()).map(|id| T::from(NonNil(id))))
}

/// A UUID that is not all zeros, on its way into a typed id.
#[derive(Debug, Clone, Copy)]
pub struct NonNil(Uuid);

macro_rules! from_non_nil {
    ($($id:ident),+ $(,)?) => {$(
        impl From<NonNil> for warren_vocab::$id {
            fn from(id: NonNil) -> Self {
                Self::from_uuid(id.0)
            }
        }
    )+};
}

from_non_nil!(
    AgentId,
    AiProviderId,
    BuildId,
    FileId,
    ModelConfigId,
    TemplateId,
    TemplateVersionId,
    WorkspaceId
);

/// Tells serde to read `null` as the type's default, as clients written in Go send it for empty lists and maps.
///
/// # Errors
/// Fails where the type's own form fails.
pub fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads an empty text, `null` and an absent field alike as `None`.
///
/// # Errors
/// Fails on a text that is not one of the type's words.
pub fn empty_as_none<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    let text = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(serde::de::Error::custom)).transpose()
}

/// Reads the wire's year-1 time and `null` as `None`.
///
/// # Errors
/// Fails on a text that is not an RFC 3339 time.
pub fn zero_time_as_none<'de, D>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error>
where
    D: Deserializer<'de>,
{
    Ok(Option::<DateTime<Utc>>::deserialize(deserializer)?.filter(|time| !warren_vocab::time::is_zero(time)))
}
