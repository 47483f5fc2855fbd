import { fireEvent, render, screen } from "@testing-library/react";
import { expect, it, vi } from "vitest";
import type { Block } from "./transcript";
import { Transcript } from "./transcript-view";

const said = (id: number, role: Block["role"] = "user"): Block => ({ key: `m${id}`, messageId: id, role, parts: [{ kind: "text", text: `text ${id}` }], live: false, createdAt: null });
const many = (count: number) => Array.from({ length: count }, (_, i) => said(i + 1));
const shown = () => screen.getAllByTestId("message").length;

it("draws only the end of a long chat, and more when asked", () => {
  render(<Transcript settled={many(1000)} written={[]} busy={false} editing={null} />);
  expect(shown()).toBe(16);
  expect(screen.getByText("text 1000")).toBeTruthy();
  fireEvent.click(screen.getByText("984 earlier"));
  expect(shown()).toBe(56);
});

it("goes on to draw what was drawn when more is said, and all of a chat that became short", () => {
  const { rerender } = render(<Transcript settled={many(100)} written={[]} busy={false} editing={null} />);
  rerender(<Transcript settled={many(103)} written={[]} busy={false} editing={null} />);
  expect(shown()).toBe(19);
  rerender(<Transcript settled={many(2)} written={[]} busy={false} editing={null} />);
  expect(shown()).toBe(2);
});

it("marks what an edit would cut", () => {
  render(<Transcript settled={many(4)} written={[said(9, "assistant")]} busy={false} editing={2} />);
  expect(document.querySelectorAll("[data-cut]")).toHaveLength(3);
  expect(screen.getByText("From here on, this is cut when you send.")).toBeTruthy();
});

it("offers to edit only committed messages of the user", () => {
  const onEdit = vi.fn();
  render(<Transcript settled={[said(1), said(2, "assistant")]} written={[]} busy={false} editing={null} onEdit={onEdit} />);
  fireEvent.click(screen.getByTestId("edit-message"));
  expect(onEdit).toHaveBeenCalledExactlyOnceWith(1, "text 1");
});
