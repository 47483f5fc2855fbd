import { expect, it } from "vitest";
import type { Permissions } from "@/api/permissions";
import { allowedPlaces, isHere } from "./places";
import { toTheme } from "./theme";

const nothing: Permissions = {
  viewUsers: false, createUser: false, updateUsers: false, deleteUsers: false, assignRoles: false, createOrganization: false, viewMembers: false, viewAudit: false, viewDeployment: false, editModels: false,
};

it("shows places of administration by permission", () => {
  expect(allowedPlaces(nothing)).toEqual([]);
  expect(allowedPlaces({ ...nothing, viewAudit: true, viewMembers: true }).map((p) => p.to)).toEqual(["/organizations", "/audit"]);
});

it("knows where one is", () => {
  expect(isHere("/workspaces", "/@ada/dev")).toBe(true);
  expect(isHere("/deployment", "/deployment/models")).toBe(false);
  expect(isHere("/deployment/models", "/deployment/models")).toBe(true);
  expect(isHere("/users", "/users-of-old")).toBe(false);
});

it("reads the theme out of every known preference", () => {
  expect(["light", "light-tritan", "dark", "dark-protan-deuter", "auto", "", undefined].map((p) => toTheme(p))).toEqual(["light", "light", "dark", "dark", "auto", "auto", "auto"]);
});
