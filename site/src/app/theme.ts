/** Light, dark, or what the system says. `public/theme.js` applies the choice before the first paint and on changes. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { appearanceQuery } from "@/api/account";

export type Theme = "light" | "dark" | "auto";

const KEY = "warren-theme";

/** The theme that an account's `theme_preference` names; the reference's colour-blind variants count as their base. */
export function toTheme(preference: string | undefined): Theme {
  if (preference?.startsWith("light")) return "light";
  if (preference?.startsWith("dark")) return "dark";
  return "auto";
}

export function applyTheme(theme: Theme): void {
  try {
    if (theme === "auto") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, theme);
  } catch {
    // Without storage the system decides.
  }
  window.dispatchEvent(new Event(KEY));
}

/** Takes over the theme that the account has stored. */
export function useAccountTheme(): void {
  const { data } = useQuery(appearanceQuery);
  const preference = data?.theme_preference;
  useEffect(() => {
    if (preference) applyTheme(toTheme(preference));
  }, [preference]);
}

const isDark = () => document.documentElement.dataset["theme"] === "dark";

function onThemeChange(notify: () => void): () => void {
  const observer = new MutationObserver(notify);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => observer.disconnect();
}

/** Whether the page is dark just now, for libraries that bring colours of their own. */
export function useDark(): boolean {
  return useSyncExternalStore(onThemeChange, isDark);
}
