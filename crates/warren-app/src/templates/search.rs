//! Which templates a list holds. A deployment has few of them, so they are chosen after they were read.

use warren_vocab::{TemplateId, UserId};

use super::TemplateDetail;
use crate::{error::AppResult, search::Terms};

/// What bare words belong to: no key can be written like that.
const BARE: &str = ":";

/// What a list of templates is narrowed to; texts are in lower case and absent criteria do not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TemplateSearch {
    /// A part of the display name or the name.
    pub any_name: Option<String>,
    pub name_part: Option<String>,
    pub name: Option<String>,
    pub display_name_part: Option<String>,
    pub display_name: Option<String>,
    /// An id, a name, or `default`.
    pub organization: Option<String>,
    pub deprecated: Option<bool>,
    pub ids: Vec<TemplateId>,
    pub author: Option<String>,
    pub author_id: Option<UserId>,
}

impl TemplateSearch {
    /// Reads the `q` of the list. `caller` is the caller's user name.
    ///
    /// # Errors
    /// Invalid, with one validation for each problem.
    pub fn parse(text: &str, caller: &str) -> AppResult<Self> {
        let mut terms = Terms::parse("template", text, BARE);
        let search = Self {
            any_name: terms.text(BARE),
            name_part: terms.text("name"),
            name: terms.text("exact_name"),
            display_name_part: terms.text("display_name"),
            display_name: terms.text("exact_display_name"),
            organization: terms.text("organization"),
            deprecated: terms.flag("deprecated"),
            ids: terms.values("ids"),
            author: terms.username("author", caller),
            author_id: terms.value("author_id"),
        };
        terms.finish()?;
        Ok(search)
    }

    /// Whether a template is in the list.
    pub(super) fn fits(&self, detail: &TemplateDetail) -> bool {
        let template = &detail.template;
        let (name, display_name) = (template.name.to_lowercase(), template.display_name.to_lowercase());
        let contains =
            |text: &str, part: &Option<String>| part.as_ref().is_none_or(|part| text.contains(part));
        let is = |text: &str, whole: &Option<String>| whole.as_ref().is_none_or(|whole| whole == text);
        let organization = &detail.organization;
        let is_organization = |which: &String| {
            *which == organization.name.to_lowercase()
                || *which == organization.id.to_string()
                || (which == "default" && organization.is_default)
        };
        (contains(&name, &self.any_name) || contains(&display_name, &self.any_name))
            && contains(&name, &self.name_part)
            && is(&name, &self.name)
            && contains(&display_name, &self.display_name_part)
            && is(&display_name, &self.display_name)
            && self.organization.as_ref().is_none_or(is_organization)
            && self.deprecated.is_none_or(|deprecated| deprecated != template.deprecation_message.is_empty())
            && (self.ids.is_empty() || self.ids.contains(&TemplateId::from_uuid(template.id)))
            && is(&detail.creator.username.to_lowercase(), &self.author)
            && self.author_id.is_none_or(|id| id.as_uuid() == template.created_by)
    }
}
