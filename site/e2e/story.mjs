#!/usr/bin/env node
// Runs steps of the story in a real browser against a running server. Prints one JSON object a line: events while a step
// runs, then for each step {"step", "ok", ...}. Exit code 1 when a step failed. Example:
//   node site/e2e/story.mjs --url http://127.0.0.1:3000 --username ada --password '…' --step setup,create-workspace \
//     --workspace dev --template process
// Steps: setup, sign-in, sign-out, add-model, create-workspace, open-workspace, start, stop, delete, terminal, chat,
// chat-start, chat-open, chat-watch, chat-send, chat-stop, create-user, token, cli-auth, audit, theme, pages,
// keyboard-sign-in, keyboard-create-user, oidc-sign-in. All but setup and the ways to sign in sign in first when needed.
import { parseArgs } from "node:util";
import * as accounts from "./accounts.mjs";
import { openBrowser } from "./browser.mjs";
import * as chats from "./chat.mjs";
import * as driver from "./driver.mjs";

const text = { type: "string" };
const { values: o } = parseArgs({
  options: {
    url: text, username: text, email: text, password: text, step: text,
    workspace: text, template: text, parameter: { type: "string", multiple: true, default: [] },
    command: text, expect: text,
    "provider-url": text, "provider-key": text, "provider-name": text, model: text,
    message: text, chat: text, "workspace-id": text, timeout: { type: "string", default: "180" },
    "new-username": text, "new-password": text, token: text, q: text, theme: text, screenshot: text,
  },
});
if (!o.url || !o.step) fail("usage: story.mjs --url URL --username NAME --password PASSWORD --step STEP[,STEP…]");
const email = o.email ?? `${o.username}@example.com`;
const place = { owner: o.username, workspace: o.workspace };
const somebody = { username: o["new-username"], email: `${o["new-username"]}@example.com`, password: o["new-password"] };
const timeout = Number(o.timeout) * 1000;
const parameters = Object.fromEntries(o.parameter.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));

const steps = {
  setup: (page) => driver.setUp(page, { email, username: o.username, password: o.password }),
  "sign-in": (page) => driver.signIn(page, { email, password: o.password }),
  "sign-out": (page) => driver.signOut(page),
  "add-model": (page) => driver.addModel(page, { name: o["provider-name"], baseUrl: o["provider-url"], key: o["provider-key"], model: o.model }),
  "create-workspace": async (page) => {
    await driver.createWorkspace(page, { ...place, template: o.template, parameters });
    return driver.waitReady(page, timeout);
  },
  "open-workspace": async (page) => ({ status: await driver.openWorkspace(page, place) }),
  start: async (page) => {
    await driver.openWorkspace(page, place);
    await driver.start(page);
    return driver.waitReady(page, timeout);
  },
  stop: async (page) => {
    await driver.openWorkspace(page, place);
    await driver.stop(page);
  },
  delete: async (page) => {
    await driver.openWorkspace(page, place);
    await driver.remove(page, place);
  },
  terminal: async (page) => ({ screen: await driver.terminal(page, { ...place, command: o.command, expect: o.expect, timeout }) }),
  chat: async (page) => {
    const chat = await chats.newChat(page, { message: o.message, workspaceId: o["workspace-id"] });
    print({ event: "chat", chat });
    return { chat, ...(await chats.waitAnswer(page, timeout)) };
  },
  "chat-start": async (page) => ({ chat: await chats.newChat(page, { message: o.message, workspaceId: o["workspace-id"] }) }),
  "chat-open": async (page) => {
    await open(page);
    return chats.waitAnswer(page, timeout);
  },
  "chat-watch": async (page) => {
    await open(page);
    print({ event: "watching" });
    return chats.watch(page, { timeout, onEvent: print });
  },
  "chat-send": async (page) => {
    await open(page);
    await chats.send(page, { message: o.message });
    return chats.readChat(page);
  },
  "create-user": (page) => accounts.createUser(page, somebody),
  token: async (page) => ({ token: await accounts.createToken(page, { name: o.token }) }),
  "cli-auth": async (page) => ({ token: await accounts.cliAuth(page, { email, password: o.password }) }),
  audit: (page) => accounts.auditLog(page, { q: o.q }),
  theme: (page) => accounts.chooseTheme(page, o.theme),
  pages: (page) => accounts.checkPages(page),
  "keyboard-sign-in": (page) => accounts.keyboardSignIn(page, { email, password: o.password }),
  "keyboard-create-user": (page) => accounts.keyboardCreateUser(page, somebody),
  "oidc-sign-in": (page) => accounts.oidcSignIn(page),
  "chat-stop": async (page) => {
    await open(page);
    await chats.stopAnswer(page);
    return chats.readChat(page);
  },
};

// After chat-start in the same run, the chat is open already.
async function open(page) {
  if (o.chat) await chats.openChat(page, { chat: o.chat });
}

const names = o.step.split(",");
for (const name of names) if (!(name in steps)) fail(`there is no step “${name}”; there are: ${Object.keys(steps).join(", ")}`);

const { page, errors, close } = await openBrowser({ url: o.url });
let failed = false;
try {
  if (!["setup", "sign-in", "cli-auth", "keyboard-sign-in", "oidc-sign-in"].includes(names[0])) await driver.signIn(page, { email, password: o.password });
  for (const name of names) {
    const started = Date.now();
    try {
      const result = await steps[name](page);
      print({ step: name, ok: true, ms: Date.now() - started, ...result });
    } catch (error) {
      failed = true;
      print({ step: name, ok: false, ms: Date.now() - started, error: error.message, shown: await driver.shownErrors(page).catch(() => []) });
      break;
    }
  }
} catch (error) {
  failed = true;
  print({ step: "sign-in", ok: false, error: error.message });
} finally {
  if (o.screenshot) await page.screenshot({ path: o.screenshot }).catch(() => {});
  await close();
}
if (errors.length > 0) {
  failed = true;
  print({ step: "scripts", ok: false, error: "the page's scripts failed", errors });
}
process.exit(failed ? 1 : 0);

function print(value) {
  console.log(JSON.stringify(value));
}

function fail(message) {
  console.error(message);
  process.exit(2);
}
