import { cleanup, render } from "@testing-library/react";
import { afterEach, expect, it } from "vitest";
import { coverage } from "./approvals";
import { ruleWords } from "./remembered";
import { Reveal } from "./reveal";

afterEach(cleanup);

const shown = (text: string) => render(<Reveal text={text} />).container.textContent;

it("shows characters that hide or turn what stands around them", () => {
  expect(shown("echo safe #\u202e hsur")).toBe("echo safe #U+202E hsur");
  expect(shown("a\u200bb\u2066c\ufeffd\u00ade\u{e0041}f\u0007")).toBe("aU+200BbU+2066cU+FEFFdU+00ADeU+E0041fU+0007");
});

it("leaves what everybody sees as it is", () => {
  const text = "if true; then\n\techo 'größe 中文 😀';\nfi";
  expect(shown(text)).toBe(text);
  expect(document.querySelector('[data-testid="hidden-character"]')).toBeNull();
});

it("says which later calls a remembered answer covers", () => {
  expect(coverage("execute", { command: "make", workdir: "/srv" })).toContain("this very command, in /srv only");
  expect(coverage("execute", { command: "make" })).toContain("home directory");
  expect(coverage("edit_files", { files: [{ path: "/a" }, { path: "/b" }] })).toBe("Every later edit_files of /a, /b, whatever else it says.");
  expect(coverage("search_files", { content: "x" })).toContain("home directory");
  expect(coverage("create_workspace", { name: "x" })).toBe("Every later create_workspace with these very arguments.");
});

it("reads remembered rules as their texts, not as patterns", () => {
  expect(ruleWords({ tool: "execute", command: "rm \\*.o", workdir: "", action: "allow" })).toEqual({ what: "rm *.o", where: "in the home directory" });
  expect(ruleWords({ tool: "execute", command: "rm x", action: "deny" }).where).toBe("in every directory");
  expect(ruleWords({ tool: "write_file", path: "~/a\\[1\\]", action: "allow" }).what).toBe("write_file ~/a[1]");
  expect(ruleWords({ tool: "stop_workspace", args: { a: 1 }, action: "allow" }).what).toBe('stop_workspace {"a":1}');
});
