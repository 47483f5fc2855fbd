//! What the call of a model that is under way has used, as far as this server knows. When the call is cut off, this is what
//! is booked; only what another server has to book is found out from the store alone.

use std::sync::{Mutex, MutexGuard, PoisonError};

use warren_chat_proto::Usage;
use warren_llm::Usage as Tokens;
use warren_rt::Causes;
use warren_vocab::{ChatId, LeaseId};

use crate::{
    service::Shared,
    store::{self, PricedCall, Used},
};

/// Counts one call at a time.
#[derive(Default)]
pub(crate) struct Meter {
    reading: Mutex<Option<Reading>>,
}

struct Reading {
    chat: ChatId,
    lease: LeaseId,
    call: PricedCall,
    /// What the provider has said of the requests that it has answered to the end.
    reported: Tokens,
    /// What can only be guessed of those of which it has said nothing.
    guessed: Guess,
    /// The request that is being answered.
    open: Option<Open>,
}

#[derive(Clone, Copy, Default)]
struct Open {
    guess: Guess,
    /// What the provider has said of it so far.
    told: Tokens,
}

#[derive(Clone, Copy, Default)]
struct Guess {
    prompt_bytes: usize,
    said_bytes: usize,
}

impl Meter {
    /// Money is set aside for a call.
    pub(super) fn begin(&self, chat: ChatId, lease: LeaseId, call: PricedCall) {
        let (reported, guessed) = (Tokens::default(), Guess::default());
        *self.reading() = Some(Reading { chat, lease, call, reported, guessed, open: None });
    }

    /// A request goes out; an answer that pauses takes several.
    pub(super) fn asks(&self, prompt_bytes: usize) {
        self.change(|reading| {
            let guess = Guess { prompt_bytes, said_bytes: 0 };
            reading.open = Some(Open { guess, told: Tokens::default() });
        });
    }

    /// So much more of the answer has come.
    pub(super) fn hears(&self, n_bytes: usize) {
        self.change(|reading| {
            if let Some(open) = &mut reading.open {
                open.guess.said_bytes += n_bytes;
            }
        });
    }

    /// The provider says what it has used so far.
    pub(super) fn is_told(&self, usage: Tokens) {
        self.change(|reading| {
            if let Some(open) = &mut reading.open {
                open.told = usage;
            }
        });
    }

    /// The provider took the request for nothing.
    pub(super) fn is_refused(&self) {
        self.change(|reading| reading.open = None);
    }

    /// The provider has answered the request to the end.
    pub(super) fn is_answered(&self, usage: Tokens) {
        self.change(|reading| {
            let open = reading.open.take().unwrap_or_default();
            if is_silent(&usage) {
                reading.guessed = reading.guessed.and(open.guess);
            } else {
                reading.reported = sum(reading.reported, usage);
            }
        });
    }

    /// Notes what the last call has used where whoever ends it finds it, and counts it no more. A call that has been booked
    /// or committed already stays as it is.
    pub(crate) async fn settle(&self, shared: &Shared) {
        let Some(reading) = self.reading().take() else { return };
        let call = PricedCall { used: Some(reading.used()), ..reading.call };
        if let Err(error) = store::note_used(&shared.db, reading.chat, reading.lease, &call).await {
            let chat = reading.chat;
            tracing::warn!(error = %Causes(&error), chat.id = %chat, "what a call has used is estimated, as it could not be noted");
        }
    }

    /// Does so for an answer that does not say itself what it used.
    pub(super) async fn settle_unless_told(&self, shared: &Shared, usage: &Tokens) {
        if is_silent(usage) {
            self.settle(shared).await;
        }
    }

    /// The answer is committed with what it used.
    pub(super) fn forget(&self) {
        *self.reading() = None;
    }

    fn change(&self, change: impl FnOnce(&mut Reading)) {
        if let Some(reading) = self.reading().as_mut() {
            change(reading);
        }
    }

    fn reading(&self) -> MutexGuard<'_, Option<Reading>> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guess {
    fn and(self, other: Self) -> Self {
        Self {
            prompt_bytes: self.prompt_bytes + other.prompt_bytes,
            said_bytes: self.said_bytes + other.said_bytes,
        }
    }
}

impl Reading {
    fn used(&self) -> Used {
        let mut n_prompt = store::tokens(self.guessed.prompt_bytes);
        let mut n_said = store::tokens(self.guessed.said_bytes);
        let mut known = self.reported;
        if let Some(Open { guess, told }) = self.open {
            let n_told = usize::try_from(told.output_tokens.unwrap_or(0)).unwrap_or(0);
            n_said += store::tokens(guess.said_bytes).max(n_told);
            if told.input_tokens.is_some() {
                known = sum(known, Tokens { output_tokens: None, ..told });
            } else {
                n_prompt += store::tokens(guess.prompt_bytes);
            }
        }
        let count = |tokens: usize| (tokens > 0).then(|| i64::try_from(tokens).unwrap_or(i64::MAX));
        let all = sum(
            known,
            Tokens { input_tokens: count(n_prompt), output_tokens: count(n_said), ..Tokens::default() },
        );
        let micros = self.call.prices.map(|prices| {
            let of_known = prices.cost_micros(&known).unwrap_or(0);
            of_known.saturating_add(prices.most_micros(n_prompt, n_said as u64))
        });
        let usage = Usage {
            input_tokens: all.input_tokens,
            output_tokens: all.output_tokens,
            cache_creation_tokens: all.cache_creation_tokens,
            cache_read_tokens: all.cache_read_tokens,
            total_cost_micros: micros,
            ..Usage::default()
        };
        Used { usage, is_estimated: self.open.is_some() || n_prompt + n_said > 0 }
    }
}

fn is_silent(usage: &Tokens) -> bool {
    usage.input_tokens.is_none() && usage.output_tokens.is_none()
}

/// Each request of an answer is paid for.
pub(super) fn sum(one: Tokens, other: Tokens) -> Tokens {
    let add = |one: Option<i64>, other: Option<i64>| match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    };
    Tokens {
        input_tokens: add(one.input_tokens, other.input_tokens),
        output_tokens: add(one.output_tokens, other.output_tokens),
        total_tokens: add(one.total_tokens, other.total_tokens),
        reasoning_tokens: add(one.reasoning_tokens, other.reasoning_tokens),
        cache_creation_tokens: add(one.cache_creation_tokens, other.cache_creation_tokens),
        cache_read_tokens: add(one.cache_read_tokens, other.cache_read_tokens),
    }
}

#[cfg(test)]
mod tests;
