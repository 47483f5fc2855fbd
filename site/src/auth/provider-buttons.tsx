import { CircleUser, KeyRound } from "lucide-react";
import { useState } from "react";
import type { AuthMethods } from "@/api/types";
import { Button } from "@/ui/button";
import { externalLogin } from "./redirect";

/** Links to the outside logins that the server offers. They are plain links: the answer is a redirect of the browser. */
export function ProviderButtons({ methods, redirect }: { methods: AuthMethods; redirect: string | undefined }) {
  return (
    <div className="space-y-2.5">
      {methods.github.enabled ? (
        <Button asChild size="lg" className="w-full">
          <a href={externalLogin("github", redirect)} data-testid="login-github">
            <CircleUser aria-hidden />
            Sign in with GitHub
          </a>
        </Button>
      ) : null}
      {methods.oidc.enabled ? (
        <Button asChild size="lg" className="w-full">
          <a href={externalLogin("oidc", redirect)} data-testid="login-oidc">
            <ProviderIcon url={methods.oidc.iconUrl} />
            {methods.oidc.signInText || "Sign in with single sign-on"}
          </a>
        </Button>
      ) : null}
    </div>
  );
}

/** The administrator's picture; one from elsewhere that the content policy blocks falls back to a key. */
function ProviderIcon({ url }: { url: string }) {
  const [broken, setBroken] = useState(false);
  if (url === "" || broken) return <KeyRound aria-hidden />;
  return <img src={url} alt="" className="size-4" onError={() => setBroken(true)} />;
}
