import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";
import type { AuditLog, User } from "@/api/types";
import { AuditRow } from "./audit-row";
import { program, sentence, shown } from "./words";

const ada: User = {
  id: "3", username: "ada", name: "Ada", email: "ada@example.com", status: "active", login_type: "password", roles: [], organization_ids: [], has_ai_seat: false,
  created_at: "2026-01-01T00:00:00Z", updated_at: "2026-01-01T00:00:00Z", last_seen_at: "2026-01-01T00:00:00Z",
};

const entry: AuditLog = {
  id: "1", request_id: "5f0e", time: "2026-01-01T00:00:00Z", ip: "192.0.2.1", user_agent: "curl/8", resource_type: "user", resource_id: "2", resource_target: "grace", resource_icon: "",
  action: "write", diff: { username: { old: "grace", new: "hopper", secret: false }, hashed_password: { secret: true } }, status_code: 200, additional_fields: {}, organization_id: "0", description: "",
  resource_link: "", is_deleted: false, organization: null, user: ada,
};

it("tells who did what, and what was refused", () => {
  expect(sentence(entry)).toEqual({ actor: "ada", verb: "changed", object: "user", target: "grace" });
  expect(sentence({ ...entry, resource_type: "ai_provider_key", action: "create" }).object).toBe("AI provider key");
  expect(sentence({ ...entry, status_code: 403, action: "delete" }).verb).toBe("was refused: delete");
  expect(sentence({ ...entry, action: "login", resource_type: "api_key" })).toMatchObject({ verb: "signed in", object: "", target: "" });
  expect(sentence({ ...entry, action: "login", user: null, status_code: 401, resource_target: "eve@example.com" })).toMatchObject({ actor: "Somebody unknown", verb: "failed to sign in", target: "eve@example.com" });
});

it("shows values of every kind in one line", () => {
  expect([shown(""), shown(null), shown(0), shown(false), shown(["a"]), shown("x")]).toEqual(["—", "—", "0", "false", '["a"]', "x"]);
});

it("names the program of a user agent", () => {
  expect(program("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36")).toBe("Chrome");
  expect(program("warren/0.1.0 (linux)")).toBe("warren/0.1.0");
  expect(program("")).toBe("");
});

it("opens to the changed fields, and never shows a secret's values", async () => {
  render(<AuditRow entry={{ ...entry, diff: { ...entry.diff, hashed_password: { old: "old-hash", new: "new-hash", secret: true } } }} />);
  const row = screen.getByRole("button");
  expect(row.getAttribute("aria-expanded")).toBe("false");
  await userEvent.click(row);
  expect(row.getAttribute("aria-expanded")).toBe("true");
  const text = screen.getByTestId("audit-details").textContent ?? "";
  expect(text).toContain("hopper");
  expect(text).toContain("secrets are not shown");
  expect(text).not.toContain("old-hash");
  expect(text).not.toContain("new-hash");
});

it("does not link to a foreign address or to a deleted object", async () => {
  render(<AuditRow entry={{ ...entry, resource_link: "https://evil.example/" }} />);
  render(<AuditRow entry={{ ...entry, resource_link: "/users", is_deleted: true }} />);
  for (const row of screen.getAllByRole("button")) await userEvent.click(row);
  expect(screen.queryByRole("link")).toBeNull();
});
