import { act, fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, expect, it, vi } from "vitest";
import type { AIProvider } from "@/api/types";
import { renderWithQueries, stubServer } from "@/test/server";
import { ProviderForm } from "./provider-form";

const ROOT = "/api/v2/ai/providers";
const provider = { id: "p1", type: "openai", name: "openai", display_name: "OpenAI", icon: "", enabled: true, base_url: "https://api.openai.com/v1", settings: {}, created_at: "", updated_at: "", api_keys: [{ id: "k1", masked: "…9f2c", created_at: "" }] } as unknown as AIProvider;

afterEach(() => vi.unstubAllGlobals());

const save = () => act(async () => void fireEvent.click(screen.getByTestId("provider-submit")));

it("adds a provider with what was typed", async () => {
  const calls = stubServer({ [`POST ${ROOT}`]: provider });
  const onCreated = vi.fn();
  renderWithQueries(<ProviderForm open onClose={() => {}} onCreated={onCreated} />);
  fireEvent.change(screen.getByTestId("provider-name"), { target: { value: "My Models" } });
  fireEvent.change(screen.getByTestId("provider-url"), { target: { value: "http://localhost:11434/v1" } });
  await save();
  await waitFor(() => expect(onCreated).toHaveBeenCalledOnce());
  expect(calls[0]?.body).toEqual({ type: "openai-compat", name: "my-models", display_name: "My Models", enabled: true, base_url: "http://localhost:11434/v1", api_keys: [] });
});

it("leaves the keys alone when none was added or removed", async () => {
  const calls = stubServer({ [`PATCH ${ROOT}/p1`]: provider });
  const onClose = vi.fn();
  renderWithQueries(<ProviderForm open onClose={onClose} onCreated={() => {}} provider={provider} />);
  await save();
  await waitFor(() => expect(onClose).toHaveBeenCalledOnce());
  expect(calls[0]?.body).toEqual({ display_name: "OpenAI", base_url: "https://api.openai.com/v1", enabled: true });
});

it("takes a key away and adds another in one step", async () => {
  const calls = stubServer({ [`PATCH ${ROOT}/p1`]: provider });
  renderWithQueries(<ProviderForm open onClose={() => {}} onCreated={() => {}} provider={provider} />);
  fireEvent.click(screen.getByText("Remove"));
  fireEvent.change(screen.getByTestId("provider-key"), { target: { value: " sk-new " } });
  await save();
  await waitFor(() => expect(calls).toHaveLength(1));
  expect(calls[0]?.body).toMatchObject({ api_keys: [{ api_key: "sk-new" }] });
});

it("shows beside the field what the server refuses", async () => {
  stubServer({ [`PATCH ${ROOT}/p1`]: () => ({ status: 400, body: { message: "Not valid.", validations: [{ field: "base_url", detail: "This address is not allowed." }] } }) });
  renderWithQueries(<ProviderForm open onClose={() => {}} onCreated={() => {}} provider={provider} />);
  await save();
  expect(await screen.findByText("This address is not allowed.")).toBeTruthy();
});
