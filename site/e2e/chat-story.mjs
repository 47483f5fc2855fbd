#!/usr/bin/env node
// What a person does in a chat when things do not go straight, against the stand-in server: approvals, the queue, an earlier
// message, a question, and connections that break in the middle of an answer. Starts the stand-in itself. Usage:
// node e2e/chat-story.mjs [--drops N]
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import path from "node:path";
import { parseArgs } from "node:util";
import { openBrowser } from "./browser.mjs";
import { decide, editMessage, editQueued, newChat, readChat, send, stopAnswer, waitAnswer } from "./chat.mjs";
import { signIn } from "./driver.mjs";

const { values: options } = parseArgs({ options: { drops: { type: "string", default: "12" } } });
const id = (name) => `[data-testid="${name}"]`;

const server = spawn("node", [path.join(import.meta.dirname, "../mock/server.mjs"), "--seed", "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
const url = await new Promise((resolve) => server.stdout.on("data", (data) => resolve(String(data).trim())));
const { page, errors, close } = await openBrowser({ url });

const steps = { approvals, remembered, unknownOutcome, queue, promotion, editing, question, escape, resume };
try {
  await breakable(page);
  await signIn(page, { email: "ada@example.com", password: "correct horse battery" });
  for (const [name, step] of Object.entries(steps)) {
    await step();
    console.log(JSON.stringify({ step: name, ok: true }));
  }
  assert.deepEqual(errors, [], "the page's scripts failed");
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await close();
  server.kill();
}

/** Lets the test end the page's sockets as a bad network would. */
async function breakable(page) {
  await page.addInitScript(() => {
    const Real = window.WebSocket;
    window.warrenSockets = [];
    window.WebSocket = class extends Real {
      constructor(...args) {
        super(...args);
        window.warrenSockets.push(this);
      }
    };
  });
}

/** Ends the connection; returns the address of the next one. */
async function drop() {
  const before = await page.evaluate(() => {
    const streams = window.warrenSockets.filter((socket) => socket.url.includes("/stream"));
    streams.at(-1).close();
    return streams.length;
  });
  await page.waitForFunction((n) => window.warrenSockets.filter((s) => s.url.includes("/stream") && s.readyState === 1).length > 0 && window.warrenSockets.filter((s) => s.url.includes("/stream")).length > n, before, { timeout: 30_000 });
  return page.evaluate(() => window.warrenSockets.findLast((socket) => socket.url.includes("/stream")).url);
}

async function approvals() {
  await newChat(page, { message: "approve the push" });
  await page.locator(id("approval")).waitFor();
  assert.match(await page.locator(id("approval")).innerText(), /git push origin main --force-with-lease[\s\S]*Always in this chat/);
  assert.match(await page.locator(id("approval-expiry")).innerText(), /23 h left/);
  assert.equal((await readChat(page)).messages[1].tools[0].state, "asked");
  await page.reload();
  await decide(page, { verb: "approve" });
  const answer = await waitAnswer(page);
  assert.equal(answer.messages[1].tools[0].state, "done");

  await send(page, { message: "approve another" });
  await page.locator(id("approval")).waitFor();
  await decide(page, { verb: "deny", note: "not on a Friday" });
  const denied = await waitAnswer(page);
  assert.equal(denied.messages.flatMap((m) => m.tools).at(-1).state, "denied");
  // One that was seen running stays open.
  const fold = page.locator(id("tool")).last().locator("button").first();
  if ((await fold.getAttribute("aria-expanded")) === "false") await fold.click();
  assert.match(await page.locator(id("tool")).last().innerText(), /not on a Friday/);
}

async function remembered() {
  await newChat(page, { message: "approve the push" });
  await page.locator(id("approval")).waitFor();
  await page.locator(id("approval-remember")).check();
  await page.locator(id("approval-approve")).click();
  await waitAnswer(page);
  await page.locator(id("chat-menu")).click();
  await page.locator(id("remembered")).click();
  assert.match(await page.locator(id("remembered-rule")).innerText(), /Runs without asking[\s\S]*git push origin main --force-with-lease[\s\S]*in \/home\/ada\/work/);
  await page.locator(id("remembered-forget")).click();
  await page.locator(id("remembered-none")).waitFor();
  await page.keyboard.press("Escape");
}

async function unknownOutcome() {
  await newChat(page, { message: "the lost push" });
  await page.locator(`${id("approval")}[data-reason="outcome_unknown"]`).waitFor();
  assert.equal((await readChat(page)).messages[1].tools[0].state, "unknown");
  await decide(page, { verb: "deny", note: "it did arrive" });
  assert.equal((await waitAnswer(page)).messages[1].tools[0].state, "unknown");
}

async function queue() {
  await newChat(page, { message: "an endless answer" });
  await page.locator(id("answer-text")).first().waitFor();
  await send(page, { message: "first queued" });
  await page.locator(id("queued-message")).waitFor();
  await page.locator(id("composer")).fill("half a thought");
  assert.equal(await editQueued(page), "half a thought\n\nfirst queued");
  await send(page, { message: "second queued" });
  await page.locator(id("queue-delete")).click();
  await page.locator(id("queued-message")).waitFor({ state: "detached" });
  await stopAnswer(page);
  assert.equal((await readChat(page)).messages.filter((m) => m.role === "user").length, 1);
}

async function promotion() {
  await newChat(page, { message: "an endless answer" });
  await page.locator(id("answer-text")).first().waitFor();
  await send(page, { message: "approve this at once" });
  await page.locator(id("queue-promote")).click();
  await page.locator(id("approval")).waitFor();
  assert.deepEqual((await readChat(page)).messages.filter((m) => m.role === "user").map((m) => m.text), ["an endless answer", "approve this at once"]);
  await decide(page, { verb: "approve" });
  await waitAnswer(page);
}

async function editing() {
  await newChat(page, { message: "approve one" });
  await decide(page, { verb: "approve" });
  await waitAnswer(page);
  await send(page, { message: "approve two" });
  await decide(page, { verb: "approve" });
  await waitAnswer(page);
  const warning = await editMessage(page, { at: 0, message: "approve three" });
  assert.match(warning, /5 messages after it will be cut/);
  await decide(page, { verb: "approve" });
  const answer = await waitAnswer(page);
  assert.deepEqual(answer.messages.filter((m) => m.role === "user").map((m) => m.text), ["approve three"]);
}

async function question() {
  await newChat(page, { message: "ask me a question" });
  await page.locator(`${id("question")}[data-answerable="true"]`).waitFor();
  await page.locator(id("question-option")).nth(1).check();
  await page.locator(id("question-own")).fill("approve it first");
  await page.locator(id("question-submit")).click();
  await decide(page, { verb: "approve" });
  const answer = await waitAnswer(page);
  assert.equal(answer.messages.filter((m) => m.role === "user").at(-1).text, "Database: PostgreSQL\napprove it first");
  assert.equal(await page.locator(id("question")).getAttribute("data-answerable"), "false");
}

async function escape() {
  await newChat(page, { message: "an endless answer" });
  await page.locator(id("answer-text")).first().waitFor();
  await page.locator(id("chat-menu")).click();
  await page.keyboard.press("Escape");
  assert.equal((await readChat(page)).status, "running", "Esc closes a menu and stops nothing");
  await page.keyboard.press("Escape");
  assert.equal((await waitAnswer(page)).status, "waiting");
}

/** A viewer whose connection breaks again and again ends with exactly the text, and never sees it shrink. */
async function resume() {
  await newChat(page, { message: "a long answer" });
  await page.locator(id("answer-text")).first().waitFor();
  await page.evaluate(() => {
    window.warrenShrunk = [];
    let last = 0;
    new MutationObserver(() => {
      const length = [...document.querySelectorAll('[data-testid="answer-text"]')].map((e) => e.textContent).join("").length;
      if (length < last) window.warrenShrunk.push([last, length]);
      last = length;
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  let drops = 0;
  for (; drops < Number(options.drops) && (await readChat(page)).status === "running"; drops++) {
    assert.match(await drop(), /[?&]cursor=m/);
    if (drops === 0) await page.getByText(/Resumed at \d\d:\d\d:\d\d; nothing was lost/).waitFor();
  }
  assert.ok(drops > 0, "the answer was done before its connection could break");
  const answer = await waitAnswer(page);
  assert.equal(answer.messages.at(-1).text, Array.from({ length: 500 }, (_, i) => `word${i}`).join(" "));
  assert.deepEqual(await page.evaluate(() => window.warrenShrunk), []);
}
