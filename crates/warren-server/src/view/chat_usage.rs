//! What chats cost and what may be spent.

use warren_api::chats::usage::{
    ChatCostChatBreakdown, ChatCostModelBreakdown, ChatCostSummary, ChatCostUserRollup,
    ChatUsageLimitConfigResponse, ChatUsageLimitExceededResponse, ChatUsageLimitOverride,
    ChatUsageLimitPeriod, ChatUsageLimitStatus,
};
use warren_chat::{ChatCost, CostSummary, LimitPeriod, LimitSettings, ModelCost, Standing, UserLimit};
use warren_db::query::chat_costs::{OfUser, Span};
use warren_vocab::UserId;

/// Shows what an account's chats cost.
pub(crate) fn summary(summary: CostSummary, span: Span) -> ChatCostSummary {
    let totals = summary.totals;
    ChatCostSummary {
        start_date: span.from,
        end_date: span.until,
        total_cost_micros: totals.total_cost_micros,
        estimated_cost_micros: totals.estimated_cost_micros,
        priced_message_count: totals.priced_message_count,
        unpriced_message_count: totals.unpriced_message_count,
        total_input_tokens: totals.total_input_tokens,
        total_output_tokens: totals.total_output_tokens,
        total_cache_read_tokens: totals.total_cache_read_tokens,
        total_cache_creation_tokens: totals.total_cache_creation_tokens,
        total_runtime_ms: totals.total_runtime_ms,
        by_model: summary.by_model.into_iter().map(model).collect(),
        by_chat: summary.by_chat.into_iter().map(chat).collect(),
        usage_limit: Some(status(summary.standing)),
    }
}

/// Shows what one account's chats cost.
pub(crate) fn user(sum: OfUser) -> ChatCostUserRollup {
    let totals = sum.totals;
    ChatCostUserRollup {
        user_id: UserId::from_uuid(sum.user_id),
        username: sum.username,
        name: sum.name,
        avatar_url: sum.avatar_url,
        total_cost_micros: totals.total_cost_micros,
        estimated_cost_micros: totals.estimated_cost_micros,
        message_count: totals.priced_message_count + totals.unpriced_message_count,
        chat_count: sum.chat_count,
        total_input_tokens: totals.total_input_tokens,
        total_output_tokens: totals.total_output_tokens,
        total_cache_read_tokens: totals.total_cache_read_tokens,
        total_cache_creation_tokens: totals.total_cache_creation_tokens,
        total_runtime_ms: totals.total_runtime_ms,
    }
}

/// Shows the limits of the deployment.
pub(crate) fn limits(settings: LimitSettings) -> ChatUsageLimitConfigResponse {
    ChatUsageLimitConfigResponse {
        spend_limit_micros: settings.config.default_limit_micros,
        period: period(settings.config.period),
        updated_at: settings.updated_at,
        unpriced_model_count: i64::try_from(settings.unpriced_models).unwrap_or(i64::MAX),
        overrides: settings.of_users.into_iter().map(user_limit).collect(),
        group_overrides: Vec::new(),
    }
}

/// Shows what one account may spend.
pub(crate) fn user_limit(limit: UserLimit) -> ChatUsageLimitOverride {
    ChatUsageLimitOverride {
        user_id: UserId::from_uuid(limit.user.id),
        username: limit.user.username,
        name: limit.user.name,
        avatar_url: limit.user.avatar_url,
        spend_limit_micros: Some(limit.limit_micros),
    }
}

/// Shows where an account stands; without a limit, only what it spent.
pub(crate) fn status(standing: Standing) -> ChatUsageLimitStatus {
    let is_limited = standing.limit_micros.is_some();
    ChatUsageLimitStatus {
        is_limited,
        period: is_limited.then(|| period(standing.period)),
        spend_limit_micros: standing.limit_micros,
        current_spend: standing.spent_micros,
        period_start: is_limited.then_some(standing.period_start),
        period_end: is_limited.then_some(standing.resets_at),
    }
}

/// Says that nothing is left to spend.
pub(crate) fn exceeded(standing: &Standing) -> ChatUsageLimitExceededResponse {
    ChatUsageLimitExceededResponse {
        message: String::from(
            "The spending limit for chats is reached. Wait until it begins anew, or ask an administrator to raise it.",
        ),
        spent_micros: standing.spent_micros,
        limit_micros: standing.limit_micros.unwrap_or_default(),
        resets_at: standing.resets_at,
    }
}

/// Reads how often spending begins anew.
pub(crate) fn period_of(period: ChatUsageLimitPeriod) -> LimitPeriod {
    match period {
        ChatUsageLimitPeriod::Day => LimitPeriod::Day,
        ChatUsageLimitPeriod::Week => LimitPeriod::Week,
        ChatUsageLimitPeriod::Month => LimitPeriod::Month,
    }
}

fn period(period: LimitPeriod) -> ChatUsageLimitPeriod {
    match period {
        LimitPeriod::Day => ChatUsageLimitPeriod::Day,
        LimitPeriod::Week => ChatUsageLimitPeriod::Week,
        LimitPeriod::Month => ChatUsageLimitPeriod::Month,
    }
}

fn model(cost: ModelCost) -> ChatCostModelBreakdown {
    let totals = cost.totals;
    ChatCostModelBreakdown {
        model_config_id: cost.model,
        display_name: cost.display_name,
        provider: cost.provider,
        model: cost.model_name,
        total_cost_micros: totals.total_cost_micros,
        estimated_cost_micros: totals.estimated_cost_micros,
        message_count: totals.priced_message_count + totals.unpriced_message_count,
        total_input_tokens: totals.total_input_tokens,
        total_output_tokens: totals.total_output_tokens,
        total_cache_read_tokens: totals.total_cache_read_tokens,
        total_cache_creation_tokens: totals.total_cache_creation_tokens,
        total_runtime_ms: totals.total_runtime_ms,
    }
}

fn chat(cost: ChatCost) -> ChatCostChatBreakdown {
    let totals = cost.totals;
    ChatCostChatBreakdown {
        root_chat_id: cost.chat,
        chat_title: cost.title,
        total_cost_micros: totals.total_cost_micros,
        estimated_cost_micros: totals.estimated_cost_micros,
        message_count: totals.priced_message_count + totals.unpriced_message_count,
        total_input_tokens: totals.total_input_tokens,
        total_output_tokens: totals.total_output_tokens,
        total_cache_read_tokens: totals.total_cache_read_tokens,
        total_cache_creation_tokens: totals.total_cache_creation_tokens,
        total_runtime_ms: totals.total_runtime_ms,
    }
}
