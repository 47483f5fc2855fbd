#!/usr/bin/env node
// Takes a picture of every page, light and dark, wide and narrow, from a server (the stand-in with --seed, by default).
// Usage: node e2e/pictures.mjs [URL] [FOLDER] [--short]
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { openBrowser } from "./browser.mjs";
import { newChat, waitAnswer } from "./chat.mjs";
import { faults, pages, show } from "./pages.mjs";
import { createWorkspace, signIn, terminal, waitReady } from "./driver.mjs";

const url = process.argv[2] ?? "http://127.0.0.1:3311";
const folder = process.argv[3] ?? "screenshots";
/** Only the pages that need neither a workspace nor a chat. */
const short = process.argv[4] === "--short";
const account = { email: process.env.WARREN_EMAIL ?? "ada@example.com", password: process.env.WARREN_PASSWORD ?? "correct horse battery" };
const owner = process.env.WARREN_USERNAME ?? "ada";
await mkdir(folder, { recursive: true });
let violations = 0;

async function take(page, name, options) {
  await page.waitForTimeout(250);
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
  for (const fault of await faults(page, { name, ...options })) {
    violations += 1;
    console.log(fault);
  }
}

const looks = [
  { name: "light", colorScheme: "light" },
  { name: "dark", colorScheme: "dark" },
  { name: "phone", colorScheme: "light", width: 360, height: 760 },
];
for (const { name: look, ...options } of looks) {
  const { page, errors, close } = await openBrowser({ url, ...options });
  await page.goto("/login");
  await page.locator('[data-testid="login-email"]').waitFor();
  await take(page, `${look}-login`);
  await signInHere(page, look);
  for (const place of pages) {
    await show(page, place);
    await take(page, `${look}-${place.name}`, place);
  }
  if (short) {
    if (errors.length > 0) console.log(`${look}: scripts failed: ${errors.join("; ")}`);
    await close();
    continue;
  }
  const made = `pic-${look}`;
  await page.goto("/workspaces/new?template=kubernetes");
  await page.locator('[data-testid="workspace-name"]').waitFor();
  await take(page, `${look}-create`);
  await createWorkspace(page, { template: "process", workspace: made });
  await page.waitForTimeout(900);
  await take(page, `${look}-building`);
  await waitReady(page);
  await take(page, `${look}-workspace`);
  await terminal(page, { owner, workspace: made, command: "echo hello from warren", expect: "hello from warren" }).catch(() => {});
  await take(page, `${look}-terminal`);
  await createWorkspace(page, { template: "process", workspace: `broken-${look}` });
  await page.locator('[data-status="failed"]').first().waitFor();
  await take(page, `${look}-failed`);
  await page.goto("/workspaces");
  await page.locator('[data-testid="workspace-row"]').first().waitFor();
  await take(page, `${look}-workspaces`);
  await page.goto("/templates");
  await page.locator('[data-testid="template-row"]').first().waitFor();
  await take(page, `${look}-templates`);
  await page.goto("/deployment/models");
  await page.locator('[data-testid="model-row"]').first().waitFor();
  await take(page, `${look}-models`);
  await page.locator('[data-testid="add-provider"]').click();
  await take(page, `${look}-provider-form`);
  await page.goto("/chats");
  await page.locator('[data-testid="composer"]').waitFor();
  await take(page, `${look}-new-chat`);
  await newChat(page, { message: "Write hello.txt with a greeting, make the program use the caller's name, and run the tests; the outcome of the deployment may stay unknown." });
  await page.locator('[data-tool="execute"][data-state="running"]').first().waitFor();
  await page.locator('[data-testid="composer"]').fill("And then open a pull request");
  await page.locator('[data-testid="send"]').click();
  await take(page, `${look}-chat-running`);
  await waitAnswer(page);
  await take(page, `${look}-chat-end`);
  await page.locator('[data-testid="transcript"]').evaluate((e) => (e.scrollTop = 0));
  await take(page, `${look}-chat-top`);
  await newChat(page, { message: "fail please" });
  await page.locator('[data-testid="chat-retry"]').waitFor();
  await take(page, `${look}-chat-retry`);
  await page.locator('[data-testid="chat-error"]').waitFor();
  await take(page, `${look}-chat-error`);
  await page.goto("/no/such/page");
  await take(page, `${look}-not-found`);
  if (errors.length > 0) console.log(`${look}: scripts failed: ${errors.join("; ")}`);
  await close();
}
console.log(`${violations} accessibility findings; pictures are in ${folder}`);
process.exit(violations > 0 ? 1 : 0);

async function signInHere(page, look) {
  if (look !== "phone") return signIn(page, account);
  await page.locator('[data-testid="login-email"]').fill(account.email);
  await page.locator('[data-testid="login-password"]').fill(account.password);
  await page.locator('[data-testid="login-submit"]').click();
  await page.waitForURL("**/workspaces");
}
