//! What chats cost, and what may be spent.

use chrono::{DateTime, Utc};
use warren_audit::{Entry, record};
use warren_authz::{Action, Object, Resource, Subject, check};
use warren_db::{
    Tx,
    entity::{chat_model_configs, deployment_settings, user_chat_spend_limits, users},
    query::{
        self, Page,
        chat_costs::{self, OfUser, Span, Totals},
    },
};
use warren_vocab::{AiProviderId, AuditAction, ChatId, ModelConfigId, UserId};

use crate::{
    error::{ChatResult, ChatServiceError},
    prices::Prices,
    rows,
    service::{Caller, ChatService},
    settings::makes_settings,
    store::{
        self, LimitConfig, Standing,
        settings::{self, USAGE_LIMIT},
    },
};

/// The limits of the deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitSettings {
    pub config: LimitConfig,
    pub updated_at: DateTime<Utc>,
    /// Enabled models without a price.
    pub unpriced_models: usize,
    pub of_users: Vec<UserLimit>,
}

/// What one account may spend in a period.
#[derive(Debug, Clone, PartialEq)]
pub struct UserLimit {
    pub user: users::Model,
    pub limit_micros: i64,
}

/// What an account's chats have cost.
#[derive(Debug, Clone, PartialEq)]
pub struct CostSummary {
    pub totals: Totals,
    pub by_model: Vec<ModelCost>,
    pub by_chat: Vec<ChatCost>,
    /// Where the account stands now.
    pub standing: Standing,
}

/// What one model has cost.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelCost {
    pub model: Option<ModelConfigId>,
    pub display_name: String,
    pub provider: String,
    pub model_name: String,
    pub totals: Totals,
}

/// What one chat has cost, with those that it made.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatCost {
    pub chat: ChatId,
    pub title: String,
    pub totals: Totals,
}

impl ChatService {
    /// The limits of the deployment.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] for those who do not administer the deployment.
    pub async fn limits(&self, subject: &Subject) -> ChatResult<LimitSettings> {
        makes_settings(subject).map_err(|_| ChatServiceError::NotFound)?;
        let reader = self.db().reader();
        let row = query::deployment_settings::get(reader, USAGE_LIMIT).await?;
        let updated_at = row.map_or(DateTime::UNIX_EPOCH, |row| row.updated_at);
        let config: Option<LimitConfig> = settings::get(reader, USAGE_LIMIT).await?;
        let models = query::chat_model_configs::list(reader).await?;
        let catalog = self.shared.catalog.get(self.db()).await?;
        let is_unpriced = |model: &&chat_model_configs::Model| {
            let provider = catalog.provider(AiProviderId::from_uuid(model.ai_provider_id));
            let kind = provider.and_then(|provider| provider.type_.parse().ok());
            let prices = kind.and_then(|kind| Prices::of(kind, &model.model, &model.options));
            model.enabled && prices.is_none()
        };
        let limits = query::user_chat_spend_limits::list(reader).await?;
        let ids: Vec<_> = limits.iter().map(|limit| limit.user_id).collect();
        let users = query::users::by_ids(reader, &ids).await?;
        let of_users = limits.into_iter().filter_map(|limit| {
            let user = users.iter().find(|user| user.id == limit.user_id)?.clone();
            Some(UserLimit { user, limit_micros: limit.limit_micros })
        });
        Ok(LimitSettings {
            config: config.unwrap_or_default(),
            updated_at,
            unpriced_models: models.iter().filter(is_unpriced).count(),
            of_users: of_users.collect(),
        })
    }

    /// Changes the limit of the deployment. Gives the time of the change.
    ///
    /// # Errors
    /// Invalid for a negative amount.
    pub async fn set_limit(&self, caller: Caller<'_>, config: LimitConfig) -> ChatResult<DateTime<Utc>> {
        makes_settings(caller.subject)?;
        if config.default_limit_micros.is_some_and(|limit| limit < 0) {
            return Err(ChatServiceError::invalid("spend_limit_micros", "The limit must not be negative."));
        }
        let written = self.db().write(async |tx: &Tx| {
            let old = query::deployment_settings::get(tx, USAGE_LIMIT).await?;
            settings::put(tx, USAGE_LIMIT, &config).await?;
            let updated_at = query::clock::now(tx).await?;
            let new = deployment_settings::Model {
                key: USAGE_LIMIT.to_owned(),
                value: rows::json(&config),
                updated_at,
            };
            let entry = match &old {
                Some(old) => Entry::write(old, &new),
                None => Entry::create(&new).action(AuditAction::Write),
            };
            record(tx, caller, entry).await?;
            Ok::<_, ChatServiceError>(updated_at)
        });
        written.await
    }

    /// Where the caller stands.
    ///
    /// # Errors
    /// Fails on database errors.
    pub async fn standing(&self, subject: &Subject) -> ChatResult<Standing> {
        check(subject, Action::ReadPersonal, &Object::user(subject.user))?;
        store::standing(self.db().reader(), subject.user).await
    }

    /// Says what one account may spend; `None` takes its own limit away.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] when there is no such account, or no limit of its own to take away.
    pub async fn set_user_limit(
        &self,
        caller: Caller<'_>,
        user: UserId,
        limit_micros: Option<i64>,
    ) -> ChatResult<users::Model> {
        makes_settings(caller.subject)?;
        if limit_micros.is_some_and(|limit| limit <= 0) {
            let message = "The limit of an account must be more than 0.";
            return Err(ChatServiceError::invalid("spend_limit_micros", message));
        }
        let written = self.db().write(async |tx: &Tx| {
            let row = query::users::by_id(tx, user).await?.ok_or(ChatServiceError::NotFound)?;
            match limit_micros {
                Some(limit_micros) => {
                    let updated_at = query::clock::now(tx).await?;
                    let limit =
                        user_chat_spend_limits::Model { user_id: user.as_uuid(), limit_micros, updated_at };
                    query::user_chat_spend_limits::put(tx, limit).await?;
                }
                None => {
                    if !query::user_chat_spend_limits::remove(tx, user).await? {
                        return Err(ChatServiceError::NotFound);
                    }
                }
            }
            let entry = Entry::write(&row, &row).field("chat_spend_limit_micros", limit_micros);
            record(tx, caller, entry).await?;
            Ok(row)
        });
        written.await
    }

    /// Sums up what an account's chats have cost, for itself and for those who may read all chats.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] for others.
    pub async fn costs(&self, subject: &Subject, user: UserId, span: Span) -> ChatResult<CostSummary> {
        if subject.user != user {
            reads_all_chats(subject)?;
        }
        let reader = self.db().reader();
        let mut by_model = Vec::new();
        for sum in chat_costs::by_model(reader, user, span).await? {
            by_model
                .push(self.model_cost(sum.model_config_id.map(ModelConfigId::from_uuid), sum.totals).await?);
        }
        let by_chat = chat_costs::by_chat(reader, user, span).await?;
        let mut titles = query::chats::titles(reader, user).await?;
        let by_chat = by_chat.into_iter().map(|sum| ChatCost {
            chat: ChatId::from_uuid(sum.root_chat_id),
            title: titles.remove(&sum.root_chat_id).unwrap_or_default(),
            totals: sum.totals,
        });
        Ok(CostSummary {
            by_chat: by_chat.collect(),
            by_model,
            totals: chat_costs::of_owner(reader, user, span).await?,
            standing: store::standing(reader, user).await?,
        })
    }

    /// Sums up by account, and counts the accounts.
    ///
    /// # Errors
    /// [`ChatServiceError::NotFound`] for those who may not read all chats.
    pub async fn costs_by_user(
        &self,
        subject: &Subject,
        span: Span,
        name: &str,
        page: Page,
    ) -> ChatResult<(Vec<OfUser>, i64)> {
        reads_all_chats(subject)?;
        let reader = self.db().reader();
        let sums = chat_costs::by_user(reader, span, name, page).await?;
        Ok((sums, chat_costs::count_users(reader, span, name).await?))
    }

    /// Models that were deleted since still have their names.
    async fn model_cost(&self, model: Option<ModelConfigId>, totals: Totals) -> ChatResult<ModelCost> {
        let reader = self.db().reader();
        let mut cost = ModelCost {
            model,
            display_name: String::new(),
            provider: String::new(),
            model_name: String::new(),
            totals,
        };
        let Some(id) = model else { return Ok(cost) };
        if let Some(row) = query::chat_model_configs::by_id(reader, id).await? {
            let provider = AiProviderId::from_uuid(row.ai_provider_id);
            let provider = query::ai_providers::by_id(reader, provider).await?;
            cost.provider = provider.map(|provider| provider.name).unwrap_or_default();
            cost.display_name = row.display_name;
            cost.model_name = row.model;
        }
        Ok(cost)
    }
}

fn reads_all_chats(subject: &Subject) -> ChatResult<()> {
    let all = Object::site(Resource::Chat);
    check(subject, Action::Read, &all).map_err(|_| ChatServiceError::NotFound)
}
