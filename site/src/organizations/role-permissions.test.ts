import { expect, it } from "vitest";
import type { Permission } from "@/api/types";
import { allows, permissionSummary, withAction } from "./role-permissions";

const grant = (resource_type: string, action: string, negate = false): Permission => ({ negate, resource_type, action });

it("switches one action on and off", () => {
  const on = withAction([], "template", "read", true);
  expect(on).toEqual([grant("template", "read")]);
  expect(withAction(on, "template", "read", true)).toBe(on);
  expect(withAction(on, "template", "read", false)).toEqual([]);
});

it("takes “everything” of a type apart when one of its actions goes", () => {
  const rest = withAction([grant("file", "*"), grant("chat", "read")], "file", "create", false);
  expect(rest).toEqual([grant("chat", "read"), grant("file", "read")]);
});

it("keeps refusals and does not take them for grants", () => {
  const held = [grant("workspace", "delete", true)];
  expect(allows(held, "workspace", "delete")).toBe(false);
  expect(withAction(withAction(held, "workspace", "delete", true), "workspace", "delete", false)).toEqual(held);
});

it("sums a list up", () => {
  expect(permissionSummary([])).toBe("nothing");
  expect(permissionSummary([grant("*", "*")])).toBe("everything");
  expect(permissionSummary([grant("template", "read"), grant("template", "use"), grant("audit_log", "read")])).toBe("templates, audit log");
  expect(permissionSummary(["template", "file", "chat", "task"].map((type) => grant(type, "read")))).toBe("templates, uploaded files, chats and 1 more");
});
