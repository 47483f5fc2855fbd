import { expect, it } from "vitest";
import { nameComplaint, usernameFor } from "./names";
import { externalLogin, localPath } from "./redirect";

it.each(["/workspaces", "/@ada/dev?tab=1", "/cli-auth#x"])("goes back to %s", (path) => {
  expect(localPath(path)).toBe(path);
});

it.each(["//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "workspaces", "", "/\t/evil.example", 7, undefined])("does not leave for %s", (target) => {
  expect(localPath(target)).toBeUndefined();
});

it("starts an outside login with the way back as a parameter", () => {
  expect(externalLogin("oidc", "/cli-auth?a=b&c")).toBe("/api/v2/users/oidc/callback?redirect=%2Fcli-auth%3Fa%3Db%26c");
  expect(externalLogin("github", undefined)).toBe("/api/v2/users/oauth2/github/callback?redirect=%2F");
});

it("complains about names that the server refuses", () => {
  expect(nameComplaint("ada-2")).toBeUndefined();
  expect(nameComplaint("")).toBeUndefined();
  for (const bad of ["ada_", "-ada", "ada-", "a--b", "ä", "new", "x".repeat(33)]) expect(nameComplaint(bad), bad).toBeDefined();
});

it("makes a valid username of an email address", () => {
  expect(usernameFor("ada.byron+x@example.com")).toBe("ada-byron-x");
  expect(usernameFor("_a_@x")).toBe("a");
  expect(usernameFor(`${"a".repeat(31)}.b@x`)).toBe("a".repeat(31));
});
