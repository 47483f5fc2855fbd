//! Who may do what: resources, actions, roles, scopes, the decision function and list filters as data. Pure.
//!
//! Owns the rules, knows no database and no HTTP. Roles are tables of permissions ([`role`]); a decision asks four levels
//! in turn ([`allows`]); a list filter is the same decision, made once for a whole kind of objects ([`list_filter`]).

mod decision;
mod filter;
mod object;
mod permission;
pub mod role;
mod scope;
mod subject;
mod vocabulary;

pub use decision::{Denied, allows, check};
pub use filter::{ListFilter, list_filter};
pub use object::{AclEntry, Object};
pub use permission::{ActionSet, Permission, PermissionSet, Vote};
pub use role::{Grants, OrganizationRole, SiteRole};
pub use scope::{AllowList, AllowListEntry, Scope, ScopeError, requestable_scopes};
pub use subject::{Membership, Subject};
pub use vocabulary::{Action, Resource};
