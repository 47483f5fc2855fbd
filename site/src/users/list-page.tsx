import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { UserPlus, Users } from "lucide-react";
import { useCallback, useState } from "react";
import { usePermissions } from "@/api/permissions";
import { term, withTerm } from "@/api/query-terms";
import { PAGE_SIZE, siteRolesQuery, usersQuery } from "@/api/users";
import type { User } from "@/api/types";
import { Button } from "@/ui/button";
import { Card, EmptyState, LoadFailed, Loading, Page, PageHeader, useTitle } from "@/ui/page";
import { Pager } from "@/ui/pager";
import { SearchBox } from "@/ui/search-box";
import { Select } from "@/ui/select";
import { UserForm } from "./user-form";
import { UserQuestion, type Question } from "./user-questions";
import { UserTable } from "./user-table";

const ANY = "any";

export function UsersPage() {
  useTitle("Users");
  const { q = "", page = 1 } = useSearch({ from: "/signed-in/framed/users" });
  const navigate = useNavigate({ from: "/users" });
  const may = usePermissions();
  const users = useQuery(usersQuery({ q, page }));
  const [creating, setCreating] = useState(false);
  const [question, setQuestion] = useState<Question | null>(null);
  const search = useCallback(
    (next: string) => void navigate({ search: next.trim() === "" ? {} : { q: next }, replace: true }),
    [navigate],
  );
  const goTo = (next: number) => void navigate({ search: (held) => ({ ...held, page: next }) });
  return (
    <Page>
      <PageHeader
        title="Users"
        description="Everybody who has an account on this server."
        actions={
          may.createUser ? (
            <Button variant="primary" onClick={() => setCreating(true)} data-testid="new-user">
              <UserPlus aria-hidden />
              Create user
            </Button>
          ) : null
        }
      />
      <Filters q={q} onChange={search} />
      {users.isPending ? (
        <Loading what="users" />
      ) : !users.data ? (
        <LoadFailed error={users.error} retry={() => void users.refetch()} />
      ) : users.data.users.length === 0 && page === 1 ? (
        <NoneFound onClear={() => search("")} />
      ) : (
        <Card className="overflow-hidden">
          <UserTable users={users.data.users} ask={setQuestion} />
          <Pager page={page} pageSize={PAGE_SIZE} count={users.data.count} onPage={goTo} />
        </Card>
      )}
      <UserForm open={creating} onClose={() => setCreating(false)} />
      <UserQuestion question={question} onClose={() => setQuestion(null)} />
    </Page>
  );
}

function NoneFound({ onClear }: { onClear: () => void }) {
  return (
    <EmptyState icon={<Users aria-hidden />} title="Nobody matches" action={<Button onClick={onClear}>Clear the search</Button>}>
      Try fewer letters, or another status or role.
    </EmptyState>
  );
}

function Filters({ q, onChange }: { q: string; onChange: (q: string) => void }) {
  const roles = useQuery(siteRolesQuery);
  const pick = (key: string) => (value: string) => onChange(withTerm(q, key, value === ANY ? "" : value));
  return (
    <div className="flex flex-wrap gap-2">
      <SearchBox label="Search users" placeholder="Name, username or email" value={q} onChange={onChange} className="basis-full sm:basis-0" />
      <Select
        label="Status"
        className="w-auto flex-1 sm:w-40 sm:flex-none"
        value={term(q, "status") || ANY}
        onChange={pick("status")}
        options={[
          { value: ANY, label: "Any status" },
          { value: "active" satisfies User["status"], label: "Active" },
          { value: "dormant" satisfies User["status"], label: "Dormant" },
          { value: "suspended" satisfies User["status"], label: "Suspended" },
        ]}
        data-testid="filter-status"
      />
      <Select
        label="Role"
        className="w-auto flex-1 sm:w-44 sm:flex-none"
        value={term(q, "role") || ANY}
        onChange={pick("role")}
        options={[{ value: ANY, label: "Any role" }, ...(roles.data ?? []).map((role) => ({ value: role.name, label: role.display_name || role.name }))]}
        data-testid="filter-role"
      />
    </div>
  );
}
