import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, it } from "vitest";
import { Dialog } from "./dialog";
import { Menu, MenuItem } from "./menu";

function Harness() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        Open
      </button>
      <Menu trigger={<button type="button">Actions</button>}>
        <MenuItem onSelect={() => setOpen(true)}>Ask…</MenuItem>
      </Menu>
      <Dialog open={open} onOpenChange={setOpen} title="A question">
        <input aria-label="Answer" autoFocus />
      </Dialog>
    </>
  );
}

it("gives the focus back to the button that opened it", async () => {
  render(<Harness />);
  await userEvent.click(screen.getByText("Open"));
  await screen.findByRole("dialog");
  await userEvent.keyboard("{Escape}");
  await waitFor(() => expect(document.activeElement?.textContent).toBe("Open"));
});

it("gives the focus back to the button of the menu it came from", async () => {
  render(<Harness />);
  screen.getByText("Actions").focus();
  await userEvent.keyboard("{Enter}");
  await screen.findByText("Ask…");
  await userEvent.keyboard("{Enter}");
  await screen.findByRole("dialog");
  await userEvent.keyboard("{Escape}");
  await waitFor(() => expect(document.activeElement?.textContent).toBe("Actions"));
});
