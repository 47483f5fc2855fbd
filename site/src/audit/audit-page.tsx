import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Download, ScrollText } from "lucide-react";
import { useCallback } from "react";
import { auditExport, auditQuery } from "@/api/audit";
import { term, withTerm } from "@/api/query-terms";
import { organizationsQuery } from "@/api/session";
import { PAGE_SIZE } from "@/api/users";
import { Button } from "@/ui/button";
import { Input } from "@/ui/field";
import { Menu, MenuItem } from "@/ui/menu";
import { Card, EmptyState, LoadFailed, Loading, Page, PageHeader, useTitle } from "@/ui/page";
import { Pager } from "@/ui/pager";
import { SearchBox } from "@/ui/search-box";
import { Select } from "@/ui/select";
import { AuditRow } from "./audit-row";
import { actions, resourceLabel, resourceTypes } from "./words";

const ANY = "any";

export function AuditPage() {
  useTitle("Audit log");
  const { q = "", page = 1 } = useSearch({ from: "/signed-in/framed/audit" });
  const navigate = useNavigate({ from: "/audit" });
  const log = useQuery(auditQuery({ q, page }));
  const search = useCallback(
    (next: string) => void navigate({ search: next.trim() === "" ? {} : { q: next }, replace: true }),
    [navigate],
  );
  const goTo = (next: number) => void navigate({ search: (held) => ({ ...held, page: next }) });
  return (
    <Page>
      <PageHeader title="Audit log" description="Who did what, when and from where. Entries cannot be changed." actions={<Export q={q} />} />
      <Filters q={q} onChange={search} />
      {log.isPending ? (
        <Loading what="the audit log" />
      ) : !log.data ? (
        <LoadFailed error={log.error} retry={() => void log.refetch()} />
      ) : log.data.audit_logs.length === 0 && page === 1 ? (
        <EmptyState icon={<ScrollText aria-hidden />} title={q === "" ? "Nothing has happened yet" : "Nothing matches"} action={q === "" ? undefined : <Button onClick={() => search("")}>Clear the search</Button>}>
          {q === "" ? "Every change on this server appears here." : "Widen the dates or take a filter away."}
        </EmptyState>
      ) : (
        <Card className="overflow-hidden">
          <ul className="divide-y divide-border" data-testid="audit-list" aria-label="Audit log">
            {log.data.audit_logs.map((entry) => (
              <AuditRow key={entry.id} entry={entry} />
            ))}
          </ul>
          <Pager page={page} pageSize={PAGE_SIZE} count={log.data.count} onPage={goTo} />
        </Card>
      )}
    </Page>
  );
}

function Export({ q }: { q: string }) {
  return (
    <Menu
      trigger={
        <Button data-testid="audit-export">
          <Download aria-hidden />
          Export
        </Button>
      }
    >
      {(["csv", "json"] as const).map((format) => (
        <MenuItem key={format} asChild>
          <a href={auditExport(q, format)} download data-testid={`audit-export-${format}`}>
            {q === "" ? "Everything" : "What the search finds"} as {format.toUpperCase()}
          </a>
        </MenuItem>
      ))}
    </Menu>
  );
}

function Filters({ q, onChange }: { q: string; onChange: (q: string) => void }) {
  const organizations = useQuery(organizationsQuery);
  const set = (key: string) => (value: string) => onChange(withTerm(q, key, value === ANY ? "" : value));
  return (
    <div className="space-y-2">
      <SearchBox label="Search the audit log" placeholder="username:ada resource_target:dev request_id:…" value={q} onChange={onChange} />
      <div className="grid grid-cols-2 gap-2 sm:flex sm:flex-wrap">
        <Select label="Action" className="sm:w-40" value={term(q, "action") || ANY} onChange={set("action")} options={[{ value: ANY, label: "Any action" }, ...actions.map((a) => ({ value: a, label: a }))]} data-testid="filter-action" />
        <Select label="Kind of object" className="sm:w-48" value={term(q, "resource_type") || ANY} onChange={set("resource_type")} options={[{ value: ANY, label: "Any object" }, ...resourceTypes.map((t) => ({ value: t, label: resourceLabel(t) }))]} data-testid="filter-resource" />
        {(organizations.data?.length ?? 0) > 1 ? (
          <Select label="Organization" className="col-span-2 sm:w-48" value={term(q, "organization") || ANY} onChange={set("organization")} options={[{ value: ANY, label: "Any organization" }, ...(organizations.data ?? []).map((o) => ({ value: o.name, label: o.display_name || o.name }))]} />
        ) : null}
        <DateField label="From" value={term(q, "date_from")} onChange={set("date_from")} />
        <DateField label="To" value={term(q, "date_to")} onChange={set("date_to")} />
      </div>
    </div>
  );
}

function DateField({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  return (
    <label className="flex items-center gap-2 text-[0.8125rem] text-muted-foreground">
      <span className="w-8 sm:w-auto">{label}</span>
      <Input type="date" className="min-w-0 sm:w-40" value={value} onChange={(event) => onChange(event.target.value)} />
    </label>
  );
}
