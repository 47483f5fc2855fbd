import { render, screen } from "@testing-library/react";
import { expect, it } from "vitest";
import { ApiError } from "@/api/client";
import { Field, Input } from "./field";
import { ErrorNotice } from "./notice";

const refusal = new ApiError(409, "The workspace cannot be created.", "more about it", [
  { field: "name", detail: "This name is taken." },
  { field: "cores", detail: "At most 8." },
]);

it("shows the server's sentence, its detail, and the complaints that no field shows", () => {
  render(<ErrorNotice error={refusal} shownFields={["name"]} />);
  const text = screen.getByRole("alert").textContent ?? "";
  expect(text).toContain("The workspace cannot be created.");
  expect(text).toContain("more about it");
  expect(text).toContain("At most 8.");
  expect(text).not.toContain("This name is taken.");
});

it("shows nothing without an error, and a sentence for an error without one", () => {
  const { container, rerender } = render(<ErrorNotice error={null} />);
  expect(container.textContent).toBe("");
  rerender(<ErrorNotice error={{ odd: true }} />);
  expect(container.textContent).toBe("Something went wrong.");
});

it("ties a field's error to its control", () => {
  render(
    <Field label="Name" hint="a hint" error={refusal.field("name")}>
      {(props) => <Input {...props} />}
    </Field>,
  );
  const input = screen.getByLabelText("Name");
  expect(input.getAttribute("aria-invalid")).toBe("true");
  const note = document.getElementById(input.getAttribute("aria-describedby") ?? "");
  expect(note?.textContent).toBe("This name is taken.");
});
