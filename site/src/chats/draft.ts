import { useCallback, useState } from "react";

/** An unsent text, kept while the page is away. */
export function useDraft(name: string): [string, (text: string) => void] {
  const key = `warren.draft.${name}`;
  const [text, setText] = useState(() => sessionStorage.getItem(key) ?? "");
  const change = useCallback(
    (next: string) => {
      setText(next);
      if (next) sessionStorage.setItem(key, next);
      else sessionStorage.removeItem(key);
    },
    [key],
  );
  return [text, change];
}

/** Adds a text to a draft without losing what is there. */
export function addToDraft(draft: string, text: string): string {
  return draft.trim() === "" ? text : `${draft.trimEnd()}\n\n${text}`;
}
