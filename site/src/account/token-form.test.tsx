import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it, vi } from "vitest";
import { renderWithQueries, stubServer } from "@/test/server";
import { TokenForm } from "./token-form";

const answers = {
  "GET /api/v2/users/me/keys/tokens/tokenconfig": { max_token_lifetime: 7 * 86_400e9 },
  "GET /api/v2/auth/scopes": { external: ["coder:all", "template:read", "workspace:read"] },
};

it("sends lifetime in nanoseconds with the chosen scopes and objects, and shows the token once", async () => {
  const calls = stubServer({ ...answers, "POST /api/v2/users/me/keys/tokens": () => ({ status: 201, body: { key: "abc-secret" } }) });
  const close = vi.fn();
  renderWithQueries(<TokenForm open onClose={close} />);
  await userEvent.type(screen.getByLabelText("Name"), "ci");
  await userEvent.click(screen.getByTestId("token-limited"));
  expect((screen.getByTestId("token-submit") as HTMLButtonElement).disabled).toBe(true);
  await userEvent.click(await screen.findByTestId("scope-template:read"));
  await userEvent.type(screen.getByTestId("token-allow"), "template:*");
  await userEvent.click(screen.getByTestId("token-submit"));
  expect((await screen.findByTestId("token-secret")).textContent).toBe("abc-secret");
  const sent = calls.find((call) => call.method === "POST");
  expect(sent?.body).toEqual({ token_name: "ci", lifetime: 7 * 86_400e9, scopes: ["template:read"], allow_list: ["template:*"] });
  await userEvent.click(screen.getByTestId("token-done"));
  expect(close).toHaveBeenCalled();
});

it("refuses an object that is not type:id before asking the server", async () => {
  const calls = stubServer(answers);
  renderWithQueries(<TokenForm open onClose={() => {}} />);
  await userEvent.type(screen.getByLabelText("Name"), "ci");
  await userEvent.click(screen.getByTestId("token-limited"));
  await userEvent.click(await screen.findByTestId("scope-template:read"));
  await userEvent.type(screen.getByTestId("token-allow"), "my-template");
  await userEvent.click(screen.getByTestId("token-submit"));
  expect(screen.getByText(/“my-template” is not type:id/)).toBeTruthy();
  expect(calls.some((call) => call.method === "POST")).toBe(false);
});

it("puts the server's complaint beside the name", async () => {
  stubServer({ ...answers, "POST /api/v2/users/me/keys/tokens": () => ({ status: 409, body: { message: "It exists.", validations: [{ field: "token_name", detail: "This name is taken." }] } }) });
  renderWithQueries(<TokenForm open onClose={() => {}} />);
  await userEvent.type(screen.getByLabelText("Name"), "ci");
  await userEvent.click(screen.getByTestId("token-submit"));
  await waitFor(() => expect(screen.getByText("This name is taken.")).toBeTruthy());
  expect(screen.getByLabelText("Name").getAttribute("aria-invalid")).toBe("true");
});
