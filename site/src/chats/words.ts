/** The words for a chat's state. Pure. */
import type { ChatError, ChatStatus } from "@/api/types";
import type { StatusTone } from "@/ui/status";

export function chatWords(status: ChatStatus): { label: string; tone: StatusTone } {
  switch (status) {
    case "running":
    case "pending":
      return { label: "Working", tone: "busy" };
    case "interrupting":
      return { label: "Stopping", tone: "busy" };
    case "requires_action":
      return { label: "Needs you", tone: "warn" };
    case "error":
      return { label: "Failed", tone: "bad" };
    case "waiting":
    case "completed":
    case "paused":
      return { label: "Done", tone: "quiet" };
  }
}

/** What a person can do about a failed turn. */
export function remedy(error: ChatError): string {
  switch (error.kind) {
    case "auth":
    case "missing_key":
      return "Check the provider’s key under Models, then send a message to go on.";
    case "config":
    case "provider_disabled":
      return "Check the model and its provider under Models, then send a message to go on.";
    case "rate_limit":
    case "overloaded":
      return "The provider is busy. Wait a moment, then send a message to go on.";
    case "usage_limit":
      return "The provider’s quota is used up. Choose another model, or raise the quota.";
    case "timeout":
    case "stream_silence_timeout":
      return "The model did not answer in time. Send a message to try again.";
    default:
      return error.retryable ? "Send a message to try again." : "Send a message to go on, or choose another model.";
  }
}
