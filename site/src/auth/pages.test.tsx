import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import { renderPage } from "@/test/routes";
import { stubServer } from "@/test/server";
import { CliAuthPage } from "./cli-auth-page";
import { DevicePage } from "./device-page";
import { LoginPage } from "./login-page";

const methods = (password: boolean, oidc: boolean, github: boolean) => ({
  password: { enabled: password },
  oidc: { enabled: oidc, signInText: "Continue with Example", iconUrl: "" },
  github: { enabled: github, default_provider_configured: false },
});

it("offers the ways to sign in that the server offers, each leading back to where one came from", async () => {
  stubServer({ "GET /api/v2/users/authmethods": methods(false, true, true) });
  renderPage("/login", LoginPage, "/login?redirect=%2Fcli-auth");
  const oidc = await screen.findByRole("link", { name: "Continue with Example" });
  expect(oidc.getAttribute("href")).toBe("/api/v2/users/oidc/callback?redirect=%2Fcli-auth");
  expect(screen.getByTestId("login-github").getAttribute("href")).toBe("/api/v2/users/oauth2/github/callback?redirect=%2Fcli-auth");
  expect(screen.queryByTestId("login-password")).toBeNull();
});

it("signs in with a password and goes on", async () => {
  const calls = stubServer({ "GET /api/v2/users/authmethods": methods(true, false, false), "POST /api/v2/users/login": { session_token: "x" } });
  renderPage("/login", LoginPage, "/login?redirect=%2Faudit%3Fq%3Dx");
  await userEvent.type(await screen.findByTestId("login-email"), "ada@example.com");
  await userEvent.type(screen.getByTestId("login-password"), "secret{Enter}");
  await waitFor(() => expect(screen.getByTestId("elsewhere").textContent).toBe("/audit?q=x"));
  expect(calls.find((call) => call.method === "POST")?.body).toEqual({ email: "ada@example.com", password: "secret" });
});

it("shows why an outside login failed, and the server's refusal of a password", async () => {
  stubServer({ "GET /api/v2/users/authmethods": methods(true, false, false), "POST /api/v2/users/login": () => ({ status: 401, body: { message: "Incorrect email or password." } }) });
  renderPage("/login", LoginPage, "/login?message=Verify%20your%20email%20address%20first.");
  expect((await screen.findByRole("alert")).textContent).toContain("Verify your email address first.");
  await userEvent.type(await screen.findByTestId("login-email"), "ada@example.com");
  await userEvent.type(screen.getByTestId("login-password"), "wrong{Enter}");
  expect(await screen.findByText("Incorrect email or password.")).toBeTruthy();
  expect(screen.queryByTestId("elsewhere")).toBeNull();
});

it("says so when nothing is switched on", async () => {
  stubServer({ "GET /api/v2/users/authmethods": methods(false, false, false) });
  renderPage("/login", LoginPage, "/login");
  expect(await screen.findByText("No way to sign in is switched on.")).toBeTruthy();
});

it("makes a token for the command line only when asked, and shows it", async () => {
  const calls = stubServer({ "GET /api/v2/users/me": { username: "ada", email: "ada@example.com" }, "POST /api/v2/users/me/keys": () => ({ status: 201, body: { key: "abc-123" } }) });
  renderPage("/cli-auth", CliAuthPage, "/cli-auth");
  const show = await screen.findByTestId("cli-mint");
  expect(calls.some((call) => call.method === "POST")).toBe(false);
  await userEvent.click(show);
  expect((await screen.findByTestId("cli-token")).textContent).toBe("abc-123");
});

it("shows GitHub's code, asks until it is confirmed, and goes on", async () => {
  let asked = 0;
  stubServer({
    "GET /api/v2/users/oauth2/github/device": { device_code: "dev", user_code: "WDJB-MJHT", verification_uri: "https://github.com/login/device", expires_in: 900, interval: 1 },
    "GET /api/v2/users/oauth2/github/callback": () => (++asked < 2 ? { status: 400, body: { message: "Not yet.", detail: "authorization_pending" } } : { status: 200, body: { redirect_url: "/workspaces" } }),
  });
  renderPage("/login/device", DevicePage, "/login/device?state=abc");
  expect((await screen.findByTestId("device-code")).textContent).toBe("WDJB-MJHT");
  await waitFor(() => expect(screen.getByTestId("elsewhere").textContent).toBe("/workspaces"), { timeout: 5000 });
  expect(asked).toBe(2);
});

it("ends the waiting with the reason when GitHub refuses, and offers a new code", async () => {
  stubServer({
    "GET /api/v2/users/oauth2/github/device": { device_code: "dev", user_code: "WDJB-MJHT", verification_uri: "https://github.com/login/device", expires_in: 900, interval: 1 },
    "GET /api/v2/users/oauth2/github/callback": () => ({ status: 403, body: { message: "You are not a member of an allowed organization." } }),
  });
  renderPage("/login/device", DevicePage, "/login/device?state=abc");
  expect(await screen.findByText("You are not a member of an allowed organization.", undefined, { timeout: 5000 })).toBeTruthy();
  expect(screen.getByRole("button", { name: "New code" })).toBeTruthy();
});
