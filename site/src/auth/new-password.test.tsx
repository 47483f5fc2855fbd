import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, it } from "vitest";
import { renderWithQueries, stubServer } from "@/test/server";
import { NewPassword } from "./new-password";

function Harness({ error }: { error?: string }) {
  const [value, setValue] = useState("");
  return <NewPassword value={value} onChange={setValue} error={error} />;
}

it("shows what the server thinks of the password once the typing pauses", async () => {
  const calls = stubServer({
    "POST /api/v2/users/validate-password": ({ body }: { body: unknown }) => {
      const { password } = body as { password: string };
      return { status: 200, body: password.length > 10 ? { valid: true, details: "" } : { valid: false, details: "Too short." } };
    },
  });
  renderWithQueries(<Harness />);
  const field = screen.getByLabelText("Password");
  await userEvent.type(field, "short");
  expect(await screen.findByText("Too short.")).toBeTruthy();
  expect(field.getAttribute("aria-invalid")).toBe("true");
  await userEvent.type(field, " no longer");
  expect(await screen.findByText("Strong enough.")).toBeTruthy();
  expect(field.getAttribute("aria-invalid")).toBeNull();
  expect(calls.length).toBeLessThan(8);
});

it("prefers the complaint of the form's own answer", () => {
  stubServer({});
  renderWithQueries(<Harness error="It was used before." />);
  expect(screen.getByText("It was used before.")).toBeTruthy();
});
