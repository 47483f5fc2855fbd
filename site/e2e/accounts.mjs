// What a person does with accounts in the dashboard, as functions over a Playwright page.
import { readFile } from "node:fs/promises";
import { faults, overflow, pages, show } from "./pages.mjs";

const id = (name) => `[data-testid="${name}"]`;

async function refused(page) {
  const errors = await page.locator(id("error")).allInnerTexts();
  return errors.length > 0 ? errors.join("; ") : "nothing";
}

export async function createUser(page, { email, username, password }) {
  await page.goto("/users");
  await page.locator(id("new-user")).click();
  await page.locator(id("user-email")).fill(email);
  await page.locator(id("user-username")).fill(username);
  await page.locator(id("user-new-password")).fill(password);
  await page.locator(id("user-submit")).click();
  await seeUser(page, username);
}

/** Waits for the form to close, then finds the user by a search: the list may have several pages. */
async function seeUser(page, username) {
  try {
    await page.getByRole("dialog").waitFor({ state: "detached", timeout: 30_000 });
    await page.goto(`/users?q=${encodeURIComponent(username)}`);
    await page.locator(`${id("user-row")}[data-name="${username}"]`).waitFor({ timeout: 30_000 });
  } catch {
    throw new Error(`the list never showed ${username}; the page complains: ${await refused(page)}`);
  }
}

/** Creates a token on the page of tokens and returns it. */
export async function createToken(page, { name }) {
  await page.goto("/settings/tokens");
  await page.locator(id("new-token")).first().click();
  await page.locator(id("token-name")).fill(name);
  await page.locator(id("token-submit")).click();
  const secret = page.locator(id("token-secret"));
  await secret.waitFor({ timeout: 30_000 });
  const token = (await secret.innerText()).trim();
  await page.locator(id("token-done")).click();
  await page.locator(`${id("token-row")}[data-name="${name}"]`).waitFor();
  if ((await page.content()).includes(token)) throw new Error("the page still shows the token after the dialog was closed");
  return token;
}

/** Comes to /cli-auth without a session, signs in, and is brought back to it. Returns the token. */
export async function cliAuth(page, { email, password }) {
  await page.goto("/cli-auth");
  await page.locator(id("login-email")).fill(email);
  await page.locator(id("login-password")).fill(password);
  await page.locator(id("login-submit")).click();
  await page.locator(id("cli-mint")).click();
  const token = page.locator(id("cli-token"));
  await token.waitFor({ timeout: 30_000 });
  return (await token.innerText()).trim();
}

/** The entries that a search of the audit log finds, and the first lines of its CSV export. */
export async function auditLog(page, { q }) {
  await page.goto(`/audit?q=${encodeURIComponent(q)}`);
  const row = page.locator(id("audit-row"));
  await row.first().waitFor({ timeout: 30_000 }).catch(async () => {
    throw new Error(`the audit log shows nothing for ${q}; the page complains: ${await refused(page)}`);
  });
  await row.first().locator("button").first().click();
  await page.locator(id("audit-details")).waitFor();
  const entries = await row.evaluateAll((rows) => rows.map(({ dataset }) => ({ action: dataset.action, resource: dataset.resource, target: dataset.target })));
  const fields = await page.locator(id("audit-field")).evaluateAll((all) => all.map(({ dataset }) => dataset.field));
  await page.locator(id("audit-export")).click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator(id("audit-export-csv")).click()]);
  const csv = await readFile(await download.path(), "utf8");
  return { entries, fields, csv: csv.split("\n").slice(0, 2).map((line) => line.slice(0, 300)) };
}

/** Presses Tab until the element with the test id has the focus. */
async function tabTo(page, name, limit = 80) {
  for (let i = 0; i < limit; i++) {
    if (await page.evaluate((wanted) => document.activeElement?.dataset.testid === wanted, name)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`${limit} presses of Tab do not lead to ${name}`);
}

/** Waits until the element with the test id has the focus without any key. */
async function focused(page, name) {
  try {
    await page.waitForFunction((wanted) => document.activeElement?.dataset.testid === wanted, name, { timeout: 10_000 });
  } catch {
    const held = await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 120));
    throw new Error(`${name} does not have the focus but ${held}`);
  }
}

/** Signs in with the keyboard alone; the first field has the focus from the start. */
export async function keyboardSignIn(page, { email, password }) {
  await page.goto("/login");
  await focused(page, "login-email");
  await page.keyboard.type(email);
  await tabTo(page, "login-password", 3);
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
  await page.locator(id("account")).waitFor({ timeout: 30_000 });
}

/** Skips to the content, opens and closes the form with Escape, then creates a user: all with the keyboard. */
export async function keyboardCreateUser(page, { email, username, password }) {
  await page.goto("/users");
  await page.locator(id("new-user")).waitFor();
  await page.keyboard.press("Tab");
  const first = await page.evaluate(() => document.activeElement?.textContent);
  if (first !== "Skip to content") throw new Error(`the first stop of Tab is ${JSON.stringify(first)}, not the skip link`);
  await page.keyboard.press("Enter");
  await tabTo(page, "new-user", 3);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await focused(page, "new-user");
  await page.keyboard.press("Enter");
  await focused(page, "user-email");
  await page.keyboard.type(email);
  await tabTo(page, "user-username", 2);
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type(username);
  await tabTo(page, "user-new-password");
  await page.keyboard.type(password);
  await tabTo(page, "user-submit");
  await page.keyboard.press("Enter");
  await seeUser(page, username);
}

/** Signs in at the provider that the login page offers, and is brought back. The test's provider confirms without asking. */
export async function oidcSignIn(page) {
  const path = "/settings/account";
  await page.goto(path);
  await page.locator(id("login-oidc")).click();
  await page.waitForURL((url) => url.pathname === path, { timeout: 30_000 });
  const username = page.locator(id("profile-username"));
  await username.waitFor({ timeout: 30_000 });
  return { username: await username.inputValue() };
}

/** Stores a theme with the account, and says what another browser of the account then shows. */
export async function chooseTheme(page, theme) {
  await page.goto("/settings/appearance");
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.url().endsWith("/appearance") && response.request().method() === "PUT"),
    page.locator(id(`choice-${theme}`)).click(),
  ]);
  if (!answer.ok()) throw new Error(`the theme was refused: ${answer.status()} ${await answer.text()}`);
  await page.evaluate(() => localStorage.clear());
  await page.goto("/workspaces");
  await page.waitForFunction((wanted) => document.documentElement.dataset.theme === wanted, theme);
}

const desk = { width: 1280, height: 860 };
const phone = { width: 360, height: 760 };

/** Looks at every page in the theme that is on: axe at desk size, then whether it fits a phone. Fails with all that is wrong. */
export async function checkPages(page) {
  const wrong = [];
  for (const place of pages) {
    await page.setViewportSize(desk);
    await show(page, place);
    wrong.push(...(await faults(page, place)));
    await page.setViewportSize(phone);
    wrong.push(...(await overflow(page, `${place.name} on a phone`)));
  }
  await page.setViewportSize(desk);
  if (wrong.length > 0) throw new Error(wrong.join("\n"));
  return { pages: pages.length };
}
