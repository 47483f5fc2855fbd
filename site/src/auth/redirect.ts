/** Only addresses of this dashboard: a link must not lead away after sign-in. */
export function localPath(target: unknown): string | undefined {
  return typeof target === "string" && /^\/(?![/\\])/.test(target) && !/[\t\n\r]/.test(target) ? target : undefined;
}

/** The address that starts a login at an outside provider and comes back to `redirect`. */
export function externalLogin(provider: "oidc" | "github", redirect: string | undefined, extra: Record<string, string> = {}): string {
  const path = provider === "oidc" ? "/api/v2/users/oidc/callback" : "/api/v2/users/oauth2/github/callback";
  return `${path}?${new URLSearchParams({ redirect: redirect ?? "/", ...extra })}`;
}
