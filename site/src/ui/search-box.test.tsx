import { fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { SearchBox } from "./search-box";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const box = () => screen.getByRole("searchbox") as HTMLInputElement;
const type = (text: string) => fireEvent.change(box(), { target: { value: text } });

it("tells once, after a pause", () => {
  const onChange = vi.fn();
  render(<SearchBox label="Search" placeholder="" value="" onChange={onChange} />);
  type("a");
  vi.advanceTimersByTime(200);
  type("ad");
  vi.advanceTimersByTime(200);
  expect(onChange).not.toHaveBeenCalled();
  vi.advanceTimersByTime(200);
  expect(onChange.mock.calls).toEqual([["ad"]]);
});

it("keeps what is being typed when an older value of its own comes back", () => {
  const onChange = vi.fn();
  const { rerender } = render(<SearchBox label="Search" placeholder="" value="" onChange={onChange} />);
  type("ad");
  vi.advanceTimersByTime(400);
  type("ada");
  rerender(<SearchBox label="Search" placeholder="" value="ad" onChange={onChange} />);
  expect(box().value).toBe("ada");
});

it("takes over a value from elsewhere", () => {
  const { rerender } = render(<SearchBox label="Search" placeholder="" value="ada" onChange={() => {}} />);
  rerender(<SearchBox label="Search" placeholder="" value="" onChange={() => {}} />);
  expect(box().value).toBe("");
});
