import { useQuery } from "@tanstack/react-query";
import { Ellipsis, KeyRound, Plus, TimerOff, Trash2 } from "lucide-react";
import { useState } from "react";
import { tokensQuery, useDeleteToken, useExpireToken } from "@/api/account";
import type { ApiKey } from "@/api/types";
import { Button } from "@/ui/button";
import { Checkbox } from "@/ui/checkbox";
import { Confirm } from "@/ui/confirm";
import { Menu, MenuItem } from "@/ui/menu";
import { Card, CardHeader, EmptyState, LoadFailed, Loading, useTitle } from "@/ui/page";
import { Status } from "@/ui/status";
import { Table, Td, Th } from "@/ui/table";
import { Ago, Until } from "@/ui/time";
import { isExpired, limits, scopeSummary, wasUsed } from "./token-facts";
import { TokenForm } from "./token-form";

type Question = { kind: "delete" | "expire"; key: ApiKey };

export function TokensPage() {
  useTitle("Tokens");
  const [withExpired, setWithExpired] = useState(false);
  const [creating, setCreating] = useState(false);
  const [question, setQuestion] = useState<Question | null>(null);
  const tokens = useQuery(tokensQuery(withExpired));
  const create = (
    <Button variant="primary" size="sm" onClick={() => setCreating(true)} data-testid="new-token">
      <Plus aria-hidden />
      Create token
    </Button>
  );
  return (
    <>
      {tokens.isPending ? (
        <Loading what="your tokens" />
      ) : !tokens.data ? (
        <LoadFailed error={tokens.error} retry={() => void tokens.refetch()} />
      ) : tokens.data.length === 0 && !withExpired ? (
        <EmptyState icon={<KeyRound aria-hidden />} title="No tokens yet" action={create}>
          A token lets a program act as you without your password: a script, CI, or the command line on another machine.
        </EmptyState>
      ) : (
        <Card className="overflow-hidden">
          <CardHeader title="Tokens" description="Whoever has one acts as you. Delete what is not used." actions={create} />
          <TokenTable tokens={tokens.data} ask={setQuestion} />
          <div className="border-t border-border px-5 py-3">
            <Checkbox checked={withExpired} onChange={setWithExpired} label="Show expired tokens" />
          </div>
        </Card>
      )}
      <TokenForm open={creating} onClose={() => setCreating(false)} />
      <TokenQuestion question={question} onClose={() => setQuestion(null)} />
    </>
  );
}

function TokenTable({ tokens, ask }: { tokens: ApiKey[]; ask: (question: Question) => void }) {
  if (tokens.length === 0) return <p className="px-5 py-6 text-sm text-muted-foreground">No tokens, not even expired ones.</p>;
  return (
    <Table
      label="Tokens"
      data-testid="token-list"
      head={
        <>
          <Th>Name</Th>
          <Th wide>Last used</Th>
          <Th>Expires</Th>
          <Th>
            <span className="sr-only">Actions</span>
          </Th>
        </>
      }
    >
      {tokens.map((key) => (
        <TokenRow key={key.id} token={key} ask={ask} />
      ))}
    </Table>
  );
}

function TokenRow({ token, ask }: { token: ApiKey; ask: (question: Question) => void }) {
  const expired = isExpired(token, Date.now());
  const only = limits(token);
  return (
    <tr data-testid="token-row" data-name={token.token_name}>
      <Td>
        <div className="font-medium break-all">{token.token_name || token.id}</div>
        <div className="text-[0.8125rem] break-words text-muted-foreground">{scopeSummary(token)}</div>
        {only.length > 0 ? <div className="font-mono text-xs break-all text-muted-foreground">only {only.join(", ")}</div> : null}
      </Td>
      <Td wide className="whitespace-nowrap text-muted-foreground">
        {wasUsed(token) ? <Ago time={token.last_used} /> : "never"}
      </Td>
      <Td className="whitespace-nowrap text-muted-foreground">
        {expired ? <Status tone="quiet">expired</Status> : <Until time={token.expires_at} />}
      </Td>
      <Td className="text-right">
        <Menu
          trigger={
            <Button variant="ghost" size="iconSm" aria-label={`Actions for ${token.token_name || token.id}`} data-testid="token-menu">
              <Ellipsis aria-hidden />
            </Button>
          }
        >
          <MenuItem disabled={expired} onSelect={() => ask({ kind: "expire", key: token })} data-testid="token-expire">
            <TimerOff aria-hidden />
            Expire now…
          </MenuItem>
          <MenuItem danger onSelect={() => ask({ kind: "delete", key: token })} data-testid="token-delete">
            <Trash2 aria-hidden />
            Delete…
          </MenuItem>
        </Menu>
      </Td>
    </tr>
  );
}

function TokenQuestion({ question, onClose }: { question: Question | null; onClose: () => void }) {
  const remove = useDeleteToken();
  const expire = useExpireToken();
  const chosen = question?.kind === "expire" ? expire : remove;
  const name = question?.key.token_name || question?.key.id;
  const close = () => (remove.reset(), expire.reset(), onClose());
  return (
    <Confirm
      open={question !== null}
      onClose={close}
      onConfirm={() => question && chosen.mutate(question.key.id, { onSuccess: close })}
      title={question?.kind === "expire" ? `Expire “${name}” now?` : `Delete “${name}”?`}
      verb={question?.kind === "expire" ? "Expire" : "Delete"}
      danger
      busy={chosen.isPending}
      error={chosen.error}
    >
      Programs that use it are refused from now on.{question?.kind === "expire" ? " Its record stays for a while." : null}
    </Confirm>
  );
}
