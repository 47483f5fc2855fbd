//! What a caller may read, as a condition of a list query.

use sea_orm::{ColumnTrait, Condition};
use warren_authz::ListFilter;

/// Where a table keeps what decides on reading its rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<C> {
    pub(super) id: C,
    pub(super) owner: Option<C>,
    pub(super) organization: Option<C>,
    /// Whether everybody in the organization is on each row's access list.
    pub(super) is_shared_with_everybody: bool,
}

/// Builds the condition; it holds for the same rows as the decision on reading.
pub(super) fn visible<C: ColumnTrait>(filter: &ListFilter, place: Place<C>) -> Condition {
    let mut all = Condition::all();
    if let Some(ids) = &filter.ids {
        all = all.add(place.id.is_in(ids.iter().copied()));
    }
    if filter.all {
        return all;
    }
    let mut any = Condition::any();
    if let Some(column) = place.organization {
        let inside = filter.organizations.iter().map(|id| id.as_uuid());
        any = any.add(column.is_in(inside));
        if place.is_shared_with_everybody {
            any = any.add(column.is_in(filter.acl_in.iter().map(|id| id.as_uuid())));
        }
    }
    if let Some(owner) = place.owner {
        let is_own = owner.eq(filter.user.as_uuid());
        match place.organization {
            Some(column) => {
                let inside = column.is_in(filter.own_in.iter().map(|id| id.as_uuid()));
                any = any.add(Condition::all().add(is_own).add(inside));
            }
            None if filter.own => any = any.add(is_own),
            None => {}
        }
    }
    // An empty "any" would hold for every row.
    if any.is_empty() {
        any = any.add(place.id.is_in(std::iter::empty::<uuid::Uuid>()));
    }
    all.add(any)
}
