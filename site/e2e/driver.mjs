// What a person does in the dashboard, as functions over a Playwright page. Elements are found by their data-testid.
// Every wait ends: with what was waited for, or with an error that says what the page showed instead.

const MINUTE = 60_000;
const id = (name) => `[data-testid="${name}"]`;

/** Waits for `selector`, or fails with the error that the page shows. */
async function see(page, selector, timeout = 30_000) {
  const first = page.locator(selector).first();
  try {
    await first.waitFor({ timeout });
  } catch {
    throw new Error(`the page ${page.url()} never showed ${selector}; it says: ${await pageText(page)}`);
  }
  return first;
}

async function pageText(page) {
  const text = await page.locator("body").innerText().catch(() => "");
  return text.replace(/\s+/g, " ").slice(0, 400);
}

/** The error notices on the page, as texts. */
export async function shownErrors(page) {
  return page.locator(`${id("error")}, [role="alert"]`).allInnerTexts();
}

export async function setUp(page, { email, username, password, name = "" }) {
  await page.goto("/");
  await see(page, id("setup-email"));
  await page.locator(id("setup-email")).fill(email);
  await page.locator(id("setup-username")).fill(username);
  if (name) await page.locator(id("setup-name")).fill(name);
  await page.locator(id("setup-password")).fill(password);
  await page.locator(id("setup-submit")).click();
  await see(page, id("account"));
}

export async function signIn(page, { email, password }) {
  await page.goto("/login");
  await see(page, id("login-email"));
  await page.locator(id("login-email")).fill(email);
  await page.locator(id("login-password")).fill(password);
  await page.locator(id("login-submit")).click();
  await see(page, `${id("account")}, ${id("error")}`);
  const errors = await shownErrors(page);
  if (errors.length > 0) throw new Error(`sign-in was refused: ${errors.join("; ")}`);
}

export async function signOut(page) {
  await page.locator(id("account")).click();
  await page.locator(id("sign-out")).click();
  await see(page, id("login-email"));
}

/** Creates a workspace through the form and stays on its page while it is built. */
export async function createWorkspace(page, { template, workspace, parameters = {} }) {
  await page.goto(`/workspaces/new?template=${encodeURIComponent(template)}`);
  await (await see(page, `${id("template-option")}[data-name="${template}"]`)).click();
  await (await see(page, id("workspace-name"))).fill(workspace);
  for (const [name, value] of Object.entries(parameters)) await page.locator(id(`parameter-${name}`)).fill(value);
  await page.locator(`${id("workspace-create")}:not([disabled])`).click();
  await see(page, `${id("workspace-status")}, ${id("error")}`);
  const errors = await shownErrors(page);
  if (errors.length > 0) throw new Error(`the workspace was refused: ${errors.join("; ")}`);
}

/** Waits until the workspace runs and its first agent is ready; returns the stages that the live log showed. */
export async function waitReady(page, timeout = 3 * MINUTE) {
  await see(page, `${id("workspace-status")}[data-status="running"], ${id("workspace-status")}[data-status="failed"]`, timeout);
  if ((await page.locator(id("workspace-status")).getAttribute("data-status")) === "failed") {
    throw new Error(`the build failed: ${(await shownErrors(page)).join("; ")}`);
  }
  await see(page, `${id("agent-status")}[data-status="connected/ready"]`, timeout);
  return { stages: await page.locator(`${id("build-log")} button span.flex-1`).allInnerTexts() };
}

export async function openWorkspace(page, { owner, workspace }) {
  await page.goto(`/@${owner}/${workspace}`);
  return (await see(page, id("workspace-status"))).getAttribute("data-status");
}

export async function start(page) {
  await (await see(page, id("start"))).click();
  await see(page, `${id("workspace-status")}[data-status="starting"], ${id("workspace-status")}[data-status="pending"], ${id("workspace-status")}[data-status="running"]`);
}

export async function stop(page) {
  await (await see(page, id("stop"))).click();
  await page.locator(id("confirm")).click();
  await see(page, `${id("workspace-status")}[data-status="stopped"]`, 2 * MINUTE);
}

export async function remove(page, { workspace }) {
  await (await see(page, id("more"))).click();
  await page.locator(id("delete")).click();
  await page.locator(id("confirm-name")).fill(workspace);
  await page.locator(id("confirm")).click();
  await see(page, id("workspace-gone"), 2 * MINUTE);
}

/** Opens the web terminal, types a command, and waits until `expect` stands on a line that is not the command itself. */
export async function terminal(page, { owner, workspace, command, expect, timeout = MINUTE }) {
  await page.goto(`/@${owner}/${workspace}/terminal`);
  await see(page, `${id("terminal-status")}[data-status="open"]`, timeout);
  await page.waitForFunction(() => window.warrenTerminal && window.warrenTerminal.buffer.active.length > 0);
  // The shell's first prompt: what is typed before it would be echoed twice.
  await page.waitForFunction(terminalHasText, undefined, { timeout });
  await page.locator(`${id("terminal")} textarea`).focus();
  await page.keyboard.type(command);
  await page.keyboard.press("Enter");
  try {
    await page.waitForFunction(terminalShows, { expect, command }, { timeout });
  } catch {
    throw new Error(`the terminal never showed ${JSON.stringify(expect)}; it shows: ${await terminalText(page)}`);
  }
  return terminalText(page);
}

function terminalHasText() {
  const { active } = window.warrenTerminal.buffer;
  for (let row = 0; row < active.length; row++) if (active.getLine(row)?.translateToString(true)) return true;
  return false;
}

function terminalShows({ expect, command }) {
  const { active } = window.warrenTerminal.buffer;
  for (let row = 0; row < active.length; row++) {
    const line = active.getLine(row)?.translateToString(true) ?? "";
    if (line.includes(expect) && !line.includes(command)) return true;
  }
  return false;
}

export function terminalText(page) {
  return page.evaluate(() => {
    const { active } = window.warrenTerminal.buffer;
    const lines = [];
    for (let row = 0; row < active.length; row++) lines.push(active.getLine(row)?.translateToString(true) ?? "");
    return lines.join("\n").trimEnd();
  });
}

/** Adds an OpenAI-compatible provider and a model of it, as the default. */
export async function addModel(page, { name = "Test provider", baseUrl, key = "", model, context = "128000" }) {
  await page.goto("/deployment/models");
  await (await see(page, id("add-provider"))).click();
  await (await see(page, id("provider-name"))).fill(name);
  await page.locator(id("provider-url")).fill(baseUrl);
  if (key) await page.locator(id("provider-key")).fill(key);
  await page.locator(id("provider-submit")).click();
  await see(page, `${id("provider-row")}, ${id("error")}`);
  const errors = await shownErrors(page);
  if (errors.length > 0) throw new Error(`the provider was refused: ${errors.join("; ")}`);
  // The first provider leads straight to the form for its model.
  if ((await page.locator(id("model-id")).count()) === 0) await (await see(page, id("add-model"))).click();
  await (await see(page, id("model-id"))).fill(model);
  await page.locator(id("model-context")).fill(String(context));
  const asDefault = page.getByRole("switch", { name: "Use as the default model" });
  if ((await asDefault.getAttribute("data-state")) !== "checked") await asDefault.click();
  await page.locator(id("model-submit")).click();
  await page.locator(id("model-submit")).waitFor({ state: "detached" });
  await see(page, id("model-row"));
}
