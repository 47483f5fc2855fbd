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

/** A short heading for a failed turn, by the kind of its error. */
export function failure(kind: ChatError["kind"]): string {
  switch (kind) {
    case "auth":
    case "missing_key":
      return "key refused";
    case "config":
      return "model settings";
    case "provider_disabled":
      return "provider is off";
    case "rate_limit":
      return "rate limit";
    case "overloaded":
      return "provider overloaded";
    case "usage_limit":
      return "quota used up";
    case "timeout":
      return "no answer in time";
    case "stream_silence_timeout":
      return "the model went silent";
    default:
      return "";
  }
}

/** "45 s", "12 min", "5 h", "3 days": a wait in the unit that a person counts it in, rounded up. */
export function waiting(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 2 * 3600) return `${Math.ceil(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.ceil(seconds / 3600)} h`;
  return `${Math.ceil(seconds / 86_400)} days`;
}

/** An amount of millionths of a dollar. */
export function dollars(micros: number): string {
  const amount = micros / 1_000_000;
  if (micros > 0 && amount < 0.01) return "< $0.01";
  return new Intl.NumberFormat("en", { style: "currency", currency: "USD" }).format(amount);
}

/** "12.3k" */
export function tokens(count: number): string {
  return new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 }).format(count).toLowerCase();
}
