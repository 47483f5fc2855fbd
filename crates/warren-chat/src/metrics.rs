//! What the worker counts, under the names that operators know.

use std::{sync::Arc, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue},
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use warren_vocab::ChatErrorKind;

use crate::{models::ReadyModel, tools::schema};

const FIRST_EVENT_SECONDS: [f64; 10] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
/// Stands for every tool that this program does not bring along, as clients and models make up any number of names.
const EXTERNAL_TOOL: &str = "external";

/// Counters of one server's worker; clones share them.
#[derive(Clone, Default)]
pub struct ChatMetrics {
    families: Arc<Families>,
}

struct Families {
    steps: Family<ModelLabels, Counter>,
    retries: Family<RetryLabels, Counter>,
    compactions: Family<CompactionLabels, Counter>,
    first_event: Family<ModelLabels, Histogram>,
    messages: Family<ModelLabels, Histogram>,
    prompt_bytes: Family<ModelLabels, Histogram>,
    tool_bytes: Family<ToolLabels, Histogram>,
    tool_cuts: Family<ToolLabels, Counter>,
    tool_errors: Family<ToolLabels, Counter>,
    dropped_parts: Counter,
    archived: Counter,
    purged: Family<PurgeLabels, Counter>,
    failed_steps: Counter,
    relayed_parts: Counter,
}

/// The model that something is counted under.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ModelLabels {
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

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ToolLabels {
    provider: String,
    model: String,
    tool_name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PurgeLabels {
    record_type: &'static str,
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

impl ModelLabels {
    pub(crate) fn of(ready: &ReadyModel) -> Self {
        Self { provider: ready.provider.clone(), model: ready.name.clone() }
    }

    /// The name of the provider.
    pub(crate) fn provider(&self) -> &str {
        &self.provider
    }

    /// For what happens while no model can be used.
    pub(crate) fn none() -> Self {
        Self { provider: String::from("none"), model: String::from("none") }
    }
}

impl Default for Families {
    fn default() -> Self {
        Self {
            steps: Family::default(),
            retries: Family::default(),
            compactions: Family::default(),
            first_event: histograms(|| Histogram::new(FIRST_EVENT_SECONDS)),
            messages: histograms(|| Histogram::new(exponential_buckets(1.0, 2.0, 11))),
            prompt_bytes: histograms(|| Histogram::new(exponential_buckets(1024.0, 4.0, 8))),
            tool_bytes: histograms(|| Histogram::new(exponential_buckets(64.0, 4.0, 9))),
            tool_cuts: Family::default(),
            tool_errors: Family::default(),
            dropped_parts: Counter::default(),
            archived: Counter::default(),
            purged: Family::default(),
            failed_steps: Counter::default(),
            relayed_parts: Counter::default(),
        }
    }
}

fn histograms<L: Clone + Eq + std::hash::Hash>(make: fn() -> Histogram) -> Family<L, Histogram> {
    Family::new_with_constructor(make)
}

impl ChatMetrics {
    /// Adds everything to a registry.
    pub fn register(&self, registry: &mut Registry) {
        self.register_chats(registry.sub_registry_with_prefix("coderd_chatd"));
        let help = "Chats that were archived because nobody had used them for long";
        let archived = self.families.archived.clone();
        registry.register("coderd_chat_auto_archive_records_archived", help, archived);
        let help = "Steps of chats that failed for reasons of the server and were repeated";
        registry.register("warren_chat_failed_steps", help, self.families.failed_steps.clone());
        let help = "Parts of answers that came from the servers that run the chats";
        registry.register("warren_chat_relayed_parts", help, self.families.relayed_parts.clone());
        let help = "Rows that were deleted because they were older than they are kept";
        registry.register("coderd_dbpurge_records_purged", help, self.families.purged.clone());
    }

    /// Counts parts that came from other servers.
    pub(crate) fn relayed(&self) -> Counter {
        self.families.relayed_parts.clone()
    }

    /// Everything in the text format of OpenMetrics.
    #[cfg(test)]
    pub(crate) fn text(&self) -> String {
        let (mut registry, mut text) = (Registry::default(), String::new());
        self.register(&mut registry);
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("a string takes any text");
        text
    }

    fn register_chats(&self, chats: &mut Registry) {
        let families = &*self.families;
        chats.register("steps", "Answers of models that were committed", families.steps.clone());
        let help = "Attempts to get an answer that failed and were repeated, by kind of error";
        chats.register("stream_retries", help, families.retries.clone());
        let help = "Conversations that were to be replaced by a summary";
        chats.register("compaction", help, families.compactions.clone());
        let help = "Time until the first event of an answer";
        chats.register("ttft_seconds", help, families.first_event.clone());
        chats.register("message_count", "Messages that a model was sent", families.messages.clone());
        let help = "Size of what a model was sent";
        chats.register("prompt_size_bytes", help, families.prompt_bytes.clone());
        let help = "Size of what a tool told the model";
        chats.register("tool_result_size_bytes", help, families.tool_bytes.clone());
        let help = "Results of tools that were cut because they were too large";
        chats.register("tool_result_truncated", help, families.tool_cuts.clone());
        chats.register("tool_errors", "Calls of tools that failed", families.tool_errors.clone());
        let help = "Pieces of very long answers that were not shown while they were written";
        chats.register("stream_buffer_dropped", help, families.dropped_parts.clone());
    }

    pub(crate) fn step(&self, ready: &ReadyModel) {
        self.families.steps.get_or_create(&ModelLabels::of(ready)).inc();
    }

    /// An attempt has failed and is going to be repeated.
    pub(crate) fn retry(&self, model: &ModelLabels, kind: ChatErrorKind) {
        let ModelLabels { provider, model } = model.clone();
        let labels = RetryLabels { provider, model, kind: kind.as_str().to_owned() };
        self.families.retries.get_or_create(&labels).inc();
    }

    pub(crate) fn compaction(&self, ready: &ReadyModel, result: CompactionResult) {
        let ModelLabels { provider, model } = ModelLabels::of(ready);
        self.families.compactions.get_or_create(&CompactionLabels { provider, model, result }).inc();
    }

    pub(crate) fn first_event(&self, ready: &ReadyModel, after: Duration) {
        self.families.first_event.get_or_create(&ModelLabels::of(ready)).observe(after.as_secs_f64());
    }

    /// A model is about to be sent a conversation.
    pub(crate) fn prompt(&self, ready: &ReadyModel, n_messages: usize, n_bytes: usize) {
        let labels = ModelLabels::of(ready);
        self.families.messages.get_or_create(&labels).observe(as_f64(n_messages));
        self.families.prompt_bytes.get_or_create(&labels).observe(as_f64(n_bytes));
    }

    /// A tool has given a result.
    pub(crate) fn tool_result(&self, model: &ModelLabels, tool: &str, n_bytes: usize, is_error: bool) {
        let labels = tool_labels(model, tool);
        self.families.tool_bytes.get_or_create(&labels).observe(as_f64(n_bytes));
        if is_error {
            self.families.tool_errors.get_or_create(&labels).inc();
        }
    }

    pub(crate) fn tool_result_cut(&self, model: &ModelLabels, tool: &str) {
        self.families.tool_cuts.get_or_create(&tool_labels(model, tool)).inc();
    }

    /// A step has failed for reasons of the server and is going to be repeated.
    pub(crate) fn failed_step(&self) {
        self.families.failed_steps.inc();
    }

    pub(crate) fn dropped_part(&self) {
        self.families.dropped_parts.inc();
    }

    pub(crate) fn archived(&self) {
        self.families.archived.inc();
    }

    pub(crate) fn purged_chats(&self, number: u64) {
        self.families.purged.get_or_create(&PurgeLabels { record_type: "chats" }).inc_by(number);
    }
}

fn tool_labels(model: &ModelLabels, tool: &str) -> ToolLabels {
    let ModelLabels { provider, model } = model.clone();
    let tool_name = if schema::is_built_in(tool) { tool } else { EXTERNAL_TOOL };
    ToolLabels { provider, model, tool_name: tool_name.to_owned() }
}

fn as_f64(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::from(u32::MAX), f64::from)
}
