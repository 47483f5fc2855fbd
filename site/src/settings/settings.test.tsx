import { act, fireEvent, screen, waitFor } from "@testing-library/react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { renderWithQueries, stubServer } from "@/test/server";
import { toMicros } from "./limits-form";
import { providerKinds, slug } from "./provider-types";
import { RulesForm, tidyRule } from "./rules-form";

const RULES = "/api/experimental/chats/config/tool-approvals";

afterEach(() => vi.unstubAllGlobals());

describe("RulesForm", () => {
  const show = async () => {
    const rules = [{ tool: "execute", command: "git push*", action: "ask" }, { tool: "write_file", path: "/etc/**", action: "deny" }];
    const calls = stubServer({ [`GET ${RULES}`]: { rules }, [`PUT ${RULES}`]: () => ({ status: 204, body: undefined }) });
    renderWithQueries(<RulesForm path="tool-approvals" title="Rules" description="" />);
    await screen.findAllByTestId("rule");
    return async () => {
      await act(async () => void fireEvent.click(screen.getByTestId("rules-submit")));
      await waitFor(() => expect(calls.some((call) => call.method === "PUT")).toBe(true));
      return calls.find((call) => call.method === "PUT")?.body;
    };
  };

  it("keeps the order that decides, and what was put into it", async () => {
    const save = await show();
    fireEvent.click(screen.getByLabelText("Move rule 2 up"));
    fireEvent.click(screen.getByTestId("rule-add"));
    fireEvent.change(screen.getByLabelText("Tool of rule 3"), { target: { value: " edit_* " } });
    expect(await save()).toEqual({ rules: [{ tool: "write_file", path: "/etc/**", action: "deny" }, { tool: "execute", command: "git push*", action: "ask" }, { tool: "edit_*", action: "ask" }] });
  });

  it("removes a rule", async () => {
    const save = await show();
    fireEvent.click(screen.getByLabelText("Remove rule 1"));
    expect(await save()).toEqual({ rules: [{ tool: "write_file", path: "/etc/**", action: "deny" }] });
  });

  it("takes an empty pattern for none", () => {
    expect(tidyRule({ tool: " * ", path: " ", command: "", action: "ask" })).toEqual({ tool: "*", action: "ask" });
  });
});

it("counts dollars in millionths, and no text as no limit", () => {
  expect(toMicros("0.1")).toBe(100_000);
  expect(toMicros(" ")).toBeNull();
});

it("makes names for addresses out of any name", () => {
  expect([slug("My Models!"), slug("éé"), slug("a".repeat(40))]).toEqual(["my-models", "provider", "a".repeat(32)]);
});

it("asks for an address where none is known", () => {
  expect(providerKinds.filter((kind) => kind.baseUrl === "").map((kind) => kind.type)).toEqual(["openai-compat", "azure", "bedrock"]);
});
