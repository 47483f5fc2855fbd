import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { meQuery } from "@/api/session";
import { useMintKey } from "@/api/account";
import { Button } from "@/ui/button";
import { ErrorNotice } from "@/ui/notice";
import { useTitle } from "@/ui/page";
import { SecretOnce } from "@/ui/secret-once";
import { AuthFrame } from "./frame";

/** Gives a terminal a session of this account. The token is made on a click, so that a mere visit leaves none behind. */
export function CliAuthPage() {
  useTitle("Sign in on the command line");
  const { data: me } = useQuery(meQuery);
  const mint = useMintKey();
  return (
    <AuthFrame title="Sign in on the command line" description={me ? `The terminal will act as ${me.username} (${me.email}).` : ""}>
      {mint.data ? (
        <div className="space-y-4">
          <p className="text-sm">Copy this token and paste it into the terminal that asked for it.</p>
          <SecretOnce secret={mint.data.key} label="Session token" data-testid="cli-token">
            It is shown only here. Treat it like a password: whoever has it acts as you.
          </SecretOnce>
          <Button asChild variant="ghost" className="w-full">
            <Link to="/workspaces">Go to the dashboard</Link>
          </Button>
        </div>
      ) : (
        <div className="space-y-4">
          <ErrorNotice error={mint.error} />
          <p className="text-sm">
            A terminal that ran <code className="font-mono text-[0.8125rem]">warren login</code> waits for a token. If that was not you, close this page.
          </p>
          <Button variant="primary" size="lg" className="w-full" autoFocus busy={mint.isPending} onClick={() => mint.mutate()} data-testid="cli-mint">
            Show the token
          </Button>
        </div>
      )}
    </AuthFrame>
  );
}
