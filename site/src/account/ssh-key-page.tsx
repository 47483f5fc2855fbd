import { useQuery } from "@tanstack/react-query";
import { RefreshCw } from "lucide-react";
import { useState } from "react";
import { gitSshKeyQuery, useRegenerateGitSshKey } from "@/api/account";
import { Button } from "@/ui/button";
import { Confirm } from "@/ui/confirm";
import { CopyButton } from "@/ui/copy";
import { Card, CardHeader, LoadFailed, Loading, useTitle } from "@/ui/page";
import { Ago } from "@/ui/time";

export function SshKeyPage() {
  useTitle("SSH key");
  const key = useQuery(gitSshKeyQuery);
  const regenerate = useRegenerateGitSshKey();
  const [asking, setAsking] = useState(false);
  if (key.isPending) return <Loading what="your SSH key" />;
  if (!key.data) return <LoadFailed error={key.error} retry={() => void key.refetch()} />;
  return (
    <Card>
      <CardHeader
        title="Git SSH key"
        description="Your workspaces use it for Git. Add this public half to your account at the Git host."
        actions={
          <Button size="sm" onClick={() => (regenerate.reset(), setAsking(true))} data-testid="regenerate-key">
            <RefreshCw aria-hidden />
            Make a new one…
          </Button>
        }
      />
      <div className="space-y-3 p-5">
        <div className="flex items-start gap-2 rounded-lg border border-border bg-muted/60 p-3">
          <code className="min-w-0 flex-1 font-mono text-[0.8125rem] break-all" data-testid="public-key">
            {key.data.public_key.trim()}
          </code>
          <CopyButton text={key.data.public_key.trim()} label="Copy the public key" />
        </div>
        <p className="text-[0.8125rem] text-muted-foreground">
          Made <Ago time={key.data.updated_at} />. The private half never leaves the server and your workspaces.
        </p>
      </div>
      <Confirm
        open={asking}
        onClose={() => setAsking(false)}
        onConfirm={() => regenerate.mutate(undefined, { onSuccess: () => setAsking(false) })}
        title="Make a new SSH key?"
        verb="Make a new key"
        danger
        busy={regenerate.isPending}
        error={regenerate.error}
      >
        The old key stops working at once. Git hosts refuse your workspaces until you add the new one there.
      </Confirm>
    </Card>
  );
}
