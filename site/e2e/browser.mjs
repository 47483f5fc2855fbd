// Starts Debian's Chromium, headless, with a profile of its own and no calls home.
import { chromium } from "playwright-core";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** Opens a page; `errors` collects what the page's own scripts threw. */
export async function openBrowser({ url, width = 1280, height = 860, colorScheme = "light", storage } = {}) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: FLAGS });
  const context = await browser.newContext({ baseURL: url, viewport: { width, height }, colorScheme, storageState: storage });
  const page = await context.newPage();
  const errors = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  return { browser, context, page, errors, close: () => browser.close() };
}
