#!/usr/bin/env node
// A viewer that stays on a chat's page, through lost connections and server restarts. Set by WARREN_URL, WARREN_EMAIL,
// WARREN_PASSWORD, WARREN_CHAT, WARREN_UNTIL (text to wait for) and WARREN_TIMEOUT (seconds, default 180). Prints the
// answers' text whenever it changes; at the end, once more between "transcript-begin" and "transcript-end".
import { openBrowser } from "./browser.mjs";
import { openChat, readChat } from "./chat.mjs";
import { signIn } from "./driver.mjs";

const { WARREN_URL: url, WARREN_EMAIL: email, WARREN_PASSWORD: password, WARREN_CHAT: chat, WARREN_UNTIL: until = "", WARREN_TIMEOUT = "180" } = process.env;
const deadline = Date.now() + Number(WARREN_TIMEOUT) * 1000;

const { page, errors, close } = await openBrowser({ url });
try {
  await signIn(page, { email, password });
  await openChat(page, { chat });
  console.log("watching");
  const text = await follow();
  console.log(`transcript-begin\n${text}\ntranscript-end`);
  if (errors.length > 0) throw new Error(`the page's scripts failed: ${errors.join("; ")}`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  await close();
}

async function follow() {
  let last = "";
  while (Date.now() < deadline) {
    const view = await readChat(page);
    const text = view.messages.filter((m) => m.role === "assistant" && m.text).map((m) => m.text).join("\n");
    if (text !== last) console.log(text);
    last = text;
    const settled = view.link === "open" && ["waiting", "error"].includes(view.status) && view.messages.every((m) => !m.live);
    if (settled && text.includes(until)) return text;
    await page.waitForTimeout(50);
  }
  throw new Error(`the page did not show ${JSON.stringify(until)} in time; it shows: ${last}`);
}
