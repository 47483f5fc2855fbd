//! What the worker counts, under the names that operators know.

use std::{sync::Arc, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue},
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::Registry,
};
use warren_vocab::ChatErrorKind;

use crate::models::ReadyModel;

const FIRST_EVENT_SECONDS: [f64; 10] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Counters of one server's worker; clones share them.
#[derive(Clone)]
pub struct ChatMetrics {
    families: Arc<Families>,
}

struct Families {
    steps: Family<ModelLabels, Counter>,
    retries: Family<RetryLabels, Counter>,
    compactions: Family<CompactionLabels, Counter>,
    first_event: Family<ModelLabels, Histogram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ModelLabels {
    provider: String,
    model: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RetryLabels {
    provider: String,
    model: String,
    kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CompactionLabels {
    provider: String,
    model: String,
    result: CompactionResult,
}

/// How a compaction ended. One that a user interrupted is none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CompactionResult {
    Success,
    Error,
    Timeout,
}

impl EncodeLabelValue for CompactionResult {
    fn encode(
        &self,
        encoder: &mut prometheus_client::encoding::LabelValueEncoder<'_>,
    ) -> Result<(), std::fmt::Error> {
        let word = match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Timeout => "timeout",
        };
        EncodeLabelValue::encode(&word, encoder)
    }
}

impl CompactionResult {
    pub(crate) fn of(kind: ChatErrorKind) -> Self {
        if [ChatErrorKind::Timeout, ChatErrorKind::StreamSilenceTimeout].contains(&kind) {
            Self::Timeout
        } else {
            Self::Error
        }
    }
}

impl Default for ChatMetrics {
    fn default() -> Self {
        let first_event = Family::new_with_constructor(histogram as fn() -> Histogram);
        let families = Families {
            steps: Family::default(),
            retries: Family::default(),
            compactions: Family::default(),
            first_event,
        };
        Self { families: Arc::new(families) }
    }
}

fn histogram() -> Histogram {
    Histogram::new(FIRST_EVENT_SECONDS)
}

impl ChatMetrics {
    /// Adds everything to a registry.
    pub fn register(&self, registry: &mut Registry) {
        let Families { steps, retries, compactions, first_event } = &*self.families;
        registry.register("coderd_chatd_steps", "Answers of models that were committed", steps.clone());
        registry.register(
            "coderd_chatd_stream_retries",
            "Attempts to get an answer that failed, by kind of error",
            retries.clone(),
        );
        registry.register(
            "coderd_chatd_compaction",
            "Conversations that were to be replaced by a summary",
            compactions.clone(),
        );
        registry.register(
            "coderd_chatd_ttft_seconds",
            "Time until the first event of an answer",
            first_event.clone(),
        );
    }

    pub(crate) fn step(&self, ready: &ReadyModel) {
        self.families.steps.get_or_create(&labels(ready)).inc();
    }

    pub(crate) fn failed_attempt(&self, ready: &ReadyModel, kind: ChatErrorKind) {
        let ModelLabels { provider, model } = labels(ready);
        let labels = RetryLabels { provider, model, kind: kind.as_str().to_owned() };
        self.families.retries.get_or_create(&labels).inc();
    }

    pub(crate) fn compaction(&self, ready: &ReadyModel, result: CompactionResult) {
        let ModelLabels { provider, model } = labels(ready);
        self.families.compactions.get_or_create(&CompactionLabels { provider, model, result }).inc();
    }

    pub(crate) fn first_event(&self, ready: &ReadyModel, after: Duration) {
        self.families.first_event.get_or_create(&labels(ready)).observe(after.as_secs_f64());
    }
}

fn labels(ready: &ReadyModel) -> ModelLabels {
    ModelLabels { provider: ready.provider.clone(), model: ready.config.to_string() }
}
