import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { Pager } from "./pager";

it("is absent when everything fits", () => {
  const { container } = render(<Pager page={1} pageSize={25} count={25} onPage={() => {}} />);
  expect(container.textContent).toBe("");
});

it("steps inside the pages that exist", async () => {
  const onPage = vi.fn();
  render(<Pager page={2} pageSize={25} count={60} onPage={onPage} />);
  expect(screen.getByText("26–50 of 60")).toBeTruthy();
  await userEvent.click(screen.getByRole("button", { name: "Next page" }));
  await userEvent.click(screen.getByRole("button", { name: "Previous page" }));
  expect(onPage.mock.calls).toEqual([[3], [1]]);
});

it("leads back from a page beyond the end", async () => {
  const onPage = vi.fn();
  render(<Pager page={9} pageSize={25} count={30} onPage={onPage} />);
  expect(screen.getByText("Nothing on page 9 of 30")).toBeTruthy();
  await userEvent.click(screen.getByRole("button", { name: "Previous page" }));
  expect(onPage).toHaveBeenCalledWith(2);
});
