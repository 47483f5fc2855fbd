//! Who may do what: roles, actions, the decision function and list filters as data. Pure.
//!
//! Two site roles (`owner`, `member`) and two organization roles (`organization-admin`, `organization-member`) exist; an
//! unknown role name grants nothing.

mod decision;
mod model;

pub use decision::{Denied, ListFilter, allows, check, list_filter};
pub use model::{Action, Membership, Object, OrganizationRole, Resource, SiteRole, Subject};
