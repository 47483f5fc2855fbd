//! Queries, one file per noun. Reads take any connection, writes take [`crate::Tx`]; ids are the typed ones.

use sea_orm::sea_query::{Expr, ExprTrait, Func, IntoColumnRef, LikeExpr, SimpleExpr};

pub mod agent_links;
pub mod agent_tokens;
pub mod agents;
pub mod ai_providers;
pub mod api_keys;
pub mod audit_logs;
pub mod autofill;
pub mod builds;
pub mod census;
pub mod chat_costs;
pub mod chat_cut_calls;
pub mod chat_messages;
pub mod chat_model_configs;
pub mod chat_parts;
pub mod chat_queue;
pub mod chat_requests;
pub mod chat_reservations;
pub mod chat_retention;
pub mod chat_snapshots;
pub mod chat_tool_calls;
pub mod chats;
pub mod clock;
pub mod custom_roles;
pub mod deployment_settings;
pub mod files;
pub mod git_ssh_keys;
pub mod job_results;
pub mod job_rows;
pub mod jobs;
pub mod members;
pub mod mesh_keys;
pub mod organizations;
pub mod replicas;
pub mod resources;
pub mod sealed;
pub mod sealing_keys;
pub mod template_versions;
pub mod templates;
pub mod user_ai_provider_keys;
pub mod user_chat_spend_limits;
pub mod user_links;
pub mod user_settings;
pub mod users;
mod visible;
pub mod workspaces;

/// The largest number that both databases take.
const NUMBER_MAX: u64 = i64::MAX.unsigned_abs();

/// A slice of a list; a `limit` of 0 means all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Page {
    pub limit: u64,
    pub offset: u64,
}

impl Page {
    fn limit(self) -> Option<u64> {
        // SQLite refuses OFFSET without LIMIT.
        Some(if self.limit == 0 { NUMBER_MAX } else { Ord::min(self.limit, NUMBER_MAX) })
    }

    fn offset(self) -> Option<u64> {
        (self.offset > 0).then_some(Ord::min(self.offset, NUMBER_MAX))
    }
}

/// Compares text without regard to case, the way the unique name indexes do.
fn same_text(column: impl IntoColumnRef, text: &str) -> SimpleExpr {
    Expr::expr(Func::lower(Expr::col(column))).eq(Func::lower(Expr::val(text)))
}

/// Looks for a part of a text without regard to case. The engines' `LIKE` would disagree about case.
fn contains_text(column: impl IntoColumnRef, part: &str) -> SimpleExpr {
    let escaped: String = part
        .chars()
        .flat_map(|c| ['%', '_', '\\'].contains(&c).then_some('\\').into_iter().chain([c]))
        .collect();
    let pattern = LikeExpr::new(format!("%{}%", escaped.to_lowercase())).escape('\\');
    Expr::expr(Func::lower(Expr::col(column))).like(pattern)
}

/// The condition of the partial indexes over rows that are not deleted.
fn is_false(column: impl IntoColumnRef) -> SimpleExpr {
    Expr::col(column).not()
}
