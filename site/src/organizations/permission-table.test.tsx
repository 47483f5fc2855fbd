import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { PermissionTable } from "./permission-table";

it("changes what the role may do on everything, and says what it forbids", async () => {
  const onAll = vi.fn();
  const onOwn = vi.fn();
  const all = [
    { negate: false, resource_type: "template", action: "read" },
    { negate: true, resource_type: "workspace", action: "delete" },
  ];
  render(<PermissionTable all={all} own={[]} onAll={onAll} onOwn={onOwn} />);
  expect(screen.getByText("This role also forbids 1 action.")).toBeTruthy();
  const box = screen.getByRole("checkbox", { name: /^read\s*Templates$/ }) as HTMLInputElement;
  expect(box.checked).toBe(true);
  await userEvent.click(box);
  expect(onAll).toHaveBeenCalledWith([all[1]]);
  expect(onOwn).not.toHaveBeenCalled();
});
