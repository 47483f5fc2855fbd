/** What the page may say about a live connection. */
export type LinkState = "connecting" | "open" | "reconnecting" | "ended";

export interface FollowOptions {
  /** Path and query; asked again for each attempt, so that it can carry the position reached. */
  path: () => string;
  onMessage: (data: string) => void;
  onState?: (state: LinkState, retryAt?: number) => void;
  /** A normal close (1000) means that the stream is complete. Otherwise every close is followed by a new attempt. */
  endsNormally?: boolean;
  /** The server sends something at least every half a minute. A connection that is silent for longer is given up. */
  hasLifeSigns?: boolean;
}

const FIRST_DELAY_MS = 400;
const MAX_DELAY_MS = 8_000;
/** How long a connection with life signs may be silent, and how often that is looked at. */
const SILENCE_MAX_MS = 40_000;
const LOOK_MS = 5_000;

/** Delay before attempt `n` (from 1), without jitter. */
export function retryDelay(attempt: number): number {
  return Math.min(FIRST_DELAY_MS * 2 ** (attempt - 1), MAX_DELAY_MS);
}

/** The WebSocket address of an API path on the page's own host. */
export function socketUrl(path: string): string {
  return new URL(path, window.location.href.replace(/^http/, "ws")).toString();
}

/** Follows a text WebSocket until stopped, reconnecting with growing delays. Returns the handle that stops it. */
export function follow(options: FollowOptions): { stop: () => void; reconnect: () => void } {
  let socket: WebSocket | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let attempt = 0;
  let stopped = false;
  let heardAt = 0;

  const open = () => {
    clearTimeout(timer);
    options.onState?.(attempt === 0 ? "connecting" : "reconnecting");
    const current = new WebSocket(socketUrl(options.path()));
    socket = current;
    heardAt = Date.now();
    current.onopen = () => {
      if (socket === current) options.onState?.("open");
    };
    current.onmessage = (event) => {
      if (socket !== current || typeof event.data !== "string") return;
      attempt = 0;
      heardAt = Date.now();
      options.onMessage(event.data);
    };
    current.onclose = (event) => {
      if (socket !== current) return;
      socket = null;
      if (stopped) return;
      if (options.endsNormally && event.code === 1000) {
        options.onState?.("ended");
        return;
      }
      schedule();
    };
  };

  const schedule = () => {
    attempt += 1;
    const delay = retryDelay(attempt) * (0.75 + Math.random() * 0.5);
    options.onState?.("reconnecting", Date.now() + delay);
    timer = setTimeout(open, delay);
  };

  const drop = () => {
    const current = socket;
    socket = null;
    current?.close();
  };

  const retryNow = () => {
    if (!stopped && socket === null) open();
  };
  // A connection that a sleep, another network or a forgetful router has cut looks open for many minutes. Time also passes
  // while the machine sleeps, so that the first look afterwards finds it.
  const look = () => {
    if (stopped || socket === null || Date.now() - heardAt < SILENCE_MAX_MS) return;
    drop();
    schedule();
    retryNow();
  };
  const lookWhenSeen = () => {
    if (!document.hidden) look();
  };
  // After a change of networks the browser may say that it is online without having said that it was not.
  const online = () => {
    if (options.hasLifeSigns && socket !== null) {
      drop();
      attempt += 1;
    }
    retryNow();
  };
  // Without a network no close ever arrives: the browser waits for the old connection far longer than a reader does.
  const offline = () => {
    if (stopped || socket === null) return;
    drop();
    schedule();
  };
  window.addEventListener("online", online);
  window.addEventListener("offline", offline);
  const looks = options.hasLifeSigns ? setInterval(look, LOOK_MS) : undefined;
  if (options.hasLifeSigns) document.addEventListener("visibilitychange", lookWhenSeen);
  open();

  return {
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      clearInterval(looks);
      document.removeEventListener("visibilitychange", lookWhenSeen);
      window.removeEventListener("online", online);
      window.removeEventListener("offline", offline);
      drop();
    },
    /** Leaves the present connection and, after a short delay, opens a new one from the position reached. */
    reconnect: () => {
      if (stopped) return;
      drop();
      schedule();
    },
  };
}
