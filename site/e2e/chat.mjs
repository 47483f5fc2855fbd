// The chat pages, as functions over a Playwright page.
const MINUTE = 60_000;
const id = (name) => `[data-testid="${name}"]`;
const SETTLED = ["waiting", "error", "completed"].map((status) => `${id("chat")}[data-status="${status}"]`).join(", ");

/** Starts a chat and returns its id as soon as its page is open. */
export async function newChat(page, { message, workspaceId }) {
  await page.goto(workspaceId ? `/chats?workspace=${workspaceId}` : "/chats");
  await page.locator(id("composer")).waitFor();
  await page.locator(id("composer")).fill(message);
  await page.locator(`${id("send")}:not([disabled])`).click();
  await page.waitForURL(/\/chats\/[0-9a-f-]{36}$/, { timeout: MINUTE });
  await page.locator(`${id("message")}[data-role="user"]`).first().waitFor();
  return new URL(page.url()).pathname.split("/").at(-1);
}

export async function openChat(page, { chat }) {
  await page.goto(`/chats/${chat}`);
  await page.locator(id("transcript")).waitFor();
}

/** Sends a message in the open chat; while the chat works, the message is queued. */
export async function send(page, { message }) {
  await page.locator(id("composer")).fill(message);
  await page.locator(`${id("send")}:not([disabled])`).click();
  await page.waitForFunction((composer) => document.querySelector(composer)?.value === "", id("composer"), { timeout: MINUTE });
}

export async function stopAnswer(page) {
  await page.locator(id("stop")).click();
  await page.locator(SETTLED).waitFor({ timeout: MINUTE });
}

/** Waits until the chat has finished its turn and returns what the page shows. */
export async function waitAnswer(page, timeout = 3 * MINUTE) {
  try {
    await page.locator(SETTLED).waitFor({ timeout });
  } catch {
    throw new Error(`the chat did not finish; it shows: ${JSON.stringify(await readChat(page))}`);
  }
  return readChat(page);
}

/** The conversation as it stands on the page. */
export function readChat(page) {
  return page.evaluate(() => {
    const all = (selector, root = document) => [...root.querySelectorAll(selector)];
    const text = (element) => element?.innerText.trim() ?? "";
    const frame = document.querySelector('[data-testid="chat"]');
    return {
      status: frame?.dataset.status ?? "",
      link: frame?.dataset.link ?? "",
      messages: all('[data-testid="message"]').map((message) => ({
        role: message.dataset.role,
        live: message.dataset.live === "true",
        text: all('[data-testid="answer-text"], [data-testid="user-text"]', message).map(text).join("\n"),
        tools: all('[data-testid="tool"]', message).map((tool) => ({
          name: tool.dataset.tool,
          state: tool.dataset.state,
          title: text(tool.querySelector("button")),
          output: text(tool.querySelector('[data-testid="tool-output"]')),
        })),
      })),
      queued: all('[data-testid="queued-message"]').length,
      error: text(document.querySelector('[data-testid="chat-error"]')),
    };
  });
}

/**
 * Watches the open chat until its turn is over, through lost connections and server restarts. `backward` lists every time
 * the whole text got shorter: what a viewer had seen was taken away.
 */
export async function watch(page, { timeout = 3 * MINUTE, onEvent = () => {} } = {}) {
  const until = Date.now() + timeout;
  const seen = { samples: 0, reconnects: 0, backward: [], firstTextMs: null };
  const started = Date.now();
  let last = "";
  let link = "open";
  let settledFor = 0;
  while (Date.now() < until) {
    const view = await readChat(page);
    const text = view.messages.filter((m) => m.role === "assistant").map((m) => m.text).join("\n");
    seen.samples += 1;
    if (text && seen.firstTextMs === null) {
      seen.firstTextMs = Date.now() - started;
      onEvent({ event: "first-text", text });
    }
    if (text.length < last.length) seen.backward.push({ from: last.slice(-80), to: text.slice(-80) });
    if (view.link !== link && view.link === "open") seen.reconnects += 1;
    if (view.link !== link) onEvent({ event: "link", link: view.link });
    link = view.link;
    last = text;
    settledFor = view.link === "open" && ["waiting", "error"].includes(view.status) ? settledFor + 1 : 0;
    if (settledFor > 5) return { ...seen, ...view };
    await page.waitForTimeout(50);
  }
  throw new Error(`the chat did not finish; it shows: ${last.slice(-300)}`);
}

/** Decides about the one call that waits; `verb` is approve or deny. */
export async function decide(page, { verb, note = "", remember = false }) {
  await page.locator(id("approval")).first().waitFor({ timeout: MINUTE });
  if (remember) await page.locator(id("approval-remember")).check();
  if (verb === "approve") {
    await page.locator(id("approval-approve")).click();
  } else {
    await page.locator(id("approval-deny")).click();
    await page.locator(id("approval-note")).fill(note);
    await page.locator(id("approval-deny-send")).click();
  }
  await page.locator(id("approval")).waitFor({ state: "detached", timeout: MINUTE });
}

/** Puts the first queued message back into the box; returns the text that stands there then. */
export async function editQueued(page) {
  await page.locator(id("queue-edit")).first().click();
  await page.locator(id("queued-message")).first().waitFor({ state: "detached", timeout: MINUTE });
  return page.locator(id("composer")).inputValue();
}

/** Writes an earlier message of the user anew; returns what the page said would be cut. */
export async function editMessage(page, { at, message }) {
  const bubble = page.locator(`${id("message")}[data-role="user"]`).nth(at);
  await bubble.hover();
  await bubble.locator(id("edit-message")).click();
  const warning = await page.locator(id("edit-banner")).innerText();
  await page.locator(id("composer")).fill(message);
  await page.locator(id("send")).click();
  await page.locator(id("edit-banner")).waitFor({ state: "detached", timeout: MINUTE });
  return warning;
}
