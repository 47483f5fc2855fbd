//! What the dashboard of everybody looks like.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::wire::null_as_default;

/// `GET /api/v2/appearance`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AppearanceConfig {
    pub application_name: String,
    pub logo_url: String,
    pub docs_url: String,
    /// Superseded by the announcement banners; the first of them.
    pub service_banner: BannerConfig,
    pub announcement_banners: Vec<BannerConfig>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub support_links: Vec<LinkConfig>,
}

/// A line above every page.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
pub struct BannerConfig {
    #[serde(default)]
    pub enabled: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub background_color: String,
}

/// An entry of the help menu.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct LinkConfig {
    pub name: String,
    pub target: String,
    pub icon: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
}

/// `PUT /api/v2/appearance`, request and answer.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct UpdateAppearanceConfig {
    #[serde(default)]
    pub application_name: String,
    #[serde(default)]
    pub logo_url: String,
    /// Superseded by the announcement banners; counts when there are none.
    #[serde(default)]
    pub service_banner: BannerConfig,
    #[serde(default, deserialize_with = "null_as_default")]
    pub announcement_banners: Vec<BannerConfig>,
}
