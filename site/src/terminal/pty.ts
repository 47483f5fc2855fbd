/** One reconnecting terminal: the WebSocket to a PTY that the agent keeps under `reconnect` while nobody is attached. */
import { retryDelay, socketUrl } from "@/api/socket";

export type PtyState = { kind: "connecting" } | { kind: "open" } | { kind: "lost"; retryAt: number; attempt: number; reason: string } | { kind: "ended" };

export interface PtyOptions {
  agentId: string;
  reconnectId: string;
  /** Runs instead of a shell when the agent does not know `reconnectId` yet. */
  command?: string | undefined;
  size: () => { cols: number; rows: number };
  onOutput: (bytes: Uint8Array) => void;
  /** A connection is up; `again` says that what is on screen comes once more from the agent's buffer. */
  onOpen: (again: boolean) => void;
  onState: (state: PtyState) => void;
}

/** A connection that lives shorter than this counts as failed, so that a refusing server is asked ever more slowly. */
const SETTLED_MS = 3_000;
/** The close code of a terminal whose process has ended. */
const NORMAL = 1000;

export class Pty {
  private readonly options: PtyOptions;
  private readonly encoder = new TextEncoder();
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private attempt = 0;
  private opened = false;
  private closed = false;

  constructor(options: PtyOptions) {
    this.options = options;
    window.addEventListener("online", this.retryNow);
    this.connect();
  }

  write(data: string): void {
    this.send({ data });
  }

  resize(cols: number, rows: number): void {
    this.send({ height: rows, width: cols });
  }

  readonly retryNow = (): void => {
    if (this.closed || this.socket) return;
    clearTimeout(this.timer);
    this.connect();
  };

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    window.removeEventListener("online", this.retryNow);
    this.socket?.close();
  }

  private connect(): void {
    const { agentId, reconnectId, command, size, onOutput, onOpen, onState } = this.options;
    const { cols, rows } = size();
    onState({ kind: "connecting" });
    const query = new URLSearchParams({ reconnect: reconnectId, width: String(cols), height: String(rows), ...(command ? { command } : {}) });
    const socket = new WebSocket(socketUrl(`/api/v2/workspaceagents/${agentId}/pty?${query.toString()}`));
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    let since = 0;
    socket.onopen = () => {
      since = Date.now();
      onOpen(this.opened);
      this.opened = true;
      onState({ kind: "open" });
      const now = size();
      if (now.cols !== cols || now.rows !== rows) this.resize(now.cols, now.rows);
    };
    socket.onmessage = (event: MessageEvent<ArrayBuffer | string>) => {
      onOutput(typeof event.data === "string" ? this.encoder.encode(event.data) : new Uint8Array(event.data));
    };
    socket.onclose = ({ code, reason }) => {
      this.socket = null;
      if (this.closed) return;
      if (code === NORMAL) {
        // Its process has ended. A new one is started only when the user says so, or `exit` would never let them go.
        onState({ kind: "ended" });
        return;
      }
      this.attempt = since !== 0 && Date.now() - since > SETTLED_MS ? 1 : this.attempt + 1;
      const delay = retryDelay(this.attempt);
      onState({ kind: "lost", retryAt: Date.now() + delay, attempt: this.attempt, reason });
      this.timer = setTimeout(() => this.connect(), delay);
    };
  }

  private send(message: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(this.encoder.encode(JSON.stringify(message)));
  }
}

/** The id of this tab's terminal on an agent: a reload of the page returns to the same shell. */
export function reconnectId(agentId: string, session = "shell"): string {
  const key = `warren.terminal.${agentId}.${session}`;
  const held = sessionStorage.getItem(key);
  if (held) return held;
  const made = newId();
  sessionStorage.setItem(key, made);
  return made;
}

/** A random UUID; `crypto.randomUUID` is missing on plain-HTTP pages. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
