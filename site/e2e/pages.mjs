// The pages that need no workspace or chat, and what is checked on each: that nothing leaves the screen sideways, that axe
// finds nothing, and that the page shows what it is about.
import { AxeBuilder } from "@axe-core/playwright";

const id = (name) => `[data-testid="${name}"]`;

/** `ready` appears when the page has its data; `act` opens something on it. */
export const pages = [
  { name: "workspaces", path: "/workspaces", ready: "h1" },
  { name: "templates", path: "/templates", ready: "h1" },
  { name: "account", path: "/settings/account", ready: id("profile-username") },
  { name: "security", path: "/settings/security", ready: id("password-old") },
  { name: "appearance", path: "/settings/appearance", ready: id("choice-auto") },
  { name: "ssh-key", path: "/settings/ssh-key", ready: id("public-key") },
  { name: "tokens", path: "/settings/tokens", ready: id("new-token") },
  { name: "token-form", path: "/settings/tokens", ready: id("new-token"), act: openTokenForm },
  { name: "users", path: "/users", ready: id("user-row") },
  { name: "user-form", path: "/users", ready: id("new-user"), act: (page) => open(page, "new-user", "user-email") },
  { name: "organizations", path: "/organizations", ready: id("organization-row") },
  { name: "organization-form", path: "/organizations", ready: id("new-organization"), act: (page) => open(page, "new-organization", "organization-name") },
  { name: "members", path: "/organizations/coder", ready: id("member-row") },
  { name: "add-member", path: "/organizations/coder", ready: id("add-member"), act: (page) => open(page, "add-member", "candidate") },
  { name: "roles", path: "/organizations/coder/roles", ready: id("role-row") },
  { name: "role-form", path: "/organizations/coder/roles/new", ready: id("role-name") },
  { name: "organization-settings", path: "/organizations/coder/settings", ready: id("organization-submit") },
  { name: "audit", path: "/audit", ready: id("audit-row"), act: openEntries },
  { name: "deployment", path: "/deployment", ready: id("option-row") },
  { name: "models", path: "/deployment/models", ready: "h1" },
  { name: "chat-settings", path: "/deployment/chats", ready: id("tool-approvals") },
  { name: "own-chat-settings", path: "/settings/chats", ready: id("user-prompt-text") },
  { name: "cli-auth", path: "/cli-auth", ready: id("cli-mint"), act: (page) => open(page, "cli-mint", "cli-token") },
  { name: "api", path: "/swagger", ready: `${id("api-document")} .opblock-tag`, unchecked: true },
  { name: "not-found", path: "/no/such/page", ready: "h1" },
];

async function open(page, button, shown) {
  await page.locator(id(button)).first().click();
  await page.locator(id(shown)).first().waitFor();
}

async function openTokenForm(page) {
  await open(page, "new-token", "token-name");
  await page.locator(id("token-limited")).check();
  await page.locator(id("scope-template:read")).waitFor();
}

async function openEntries(page) {
  const rows = page.locator(`${id("audit-row")} > button`);
  for (let i = 0; i < Math.min(2, await rows.count()); i++) await rows.nth(i).click();
  await page.locator(id("audit-details")).first().waitFor();
}

export async function show(page, { name, path, ready, act }) {
  await page.goto(path);
  try {
    await page.locator(ready).first().waitFor({ timeout: 15_000 });
    await act?.(page);
  } catch (error) {
    const text = await page.locator("body").innerText().catch(() => "");
    throw new Error(`the page ${name} never was ready (${error.message.split("\n")[0]}); it says: ${text.replace(/\s+/g, " ").slice(0, 400)}`);
  }
}

/** What is wrong with the page that is shown, as sentences. */
export async function faults(page, { name, unchecked = false }) {
  const found = await overflow(page, name);
  if (unchecked) return found;
  const { violations } = await new AxeBuilder({ page }).exclude(".xterm").analyze();
  for (const { id: rule, nodes } of violations) found.push(`${name}: ${rule}: ${nodes.map((node) => node.target.join(" ")).slice(0, 3).join(" | ")}`);
  return found;
}

/** A page must not be wider than its window; a box that scrolls by itself, like a table's, may be. */
export async function overflow(page, name) {
  const wide = await page.evaluate(() => {
    const width = document.documentElement.clientWidth;
    const scrolls = (element) => {
      for (let held = element.parentElement; held; held = held.parentElement) {
        if (held.matches("[data-scroll], main, body, html")) return false;
        if (/(auto|scroll|hidden|clip)/.test(getComputedStyle(held).overflowX)) return true;
      }
      return false;
    };
    return [...document.querySelectorAll("body *")]
      .filter((element) => element.getBoundingClientRect().right > width + 1 && element.getClientRects().length > 0 && !scrolls(element))
      .map((element) => `<${element.tagName.toLowerCase()} class="${element.getAttribute("class") ?? ""}">`)
      .slice(0, 3);
  });
  return wide.map((element) => `${name}: wider than the window: ${element}`);
}
