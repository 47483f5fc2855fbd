import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useParams } from "@tanstack/react-router";
import { organizationQuery } from "@/api/organizations";
import type { Organization } from "@/api/types";
import { LoadFailed, Loading, Page, PageHeader } from "@/ui/page";
import { Tabs } from "@/ui/tabs";
import { OrganizationContext } from "./context";

export function OrganizationLayout() {
  const { organization: name } = useParams({ from: "/signed-in/framed/organizations/$organization" });
  const organization = useQuery(organizationQuery(name));
  return (
    <Page>
      {organization.isPending ? (
        <Loading what="the organization" />
      ) : organization.data ? (
        <Frame organization={organization.data} />
      ) : (
        <LoadFailed error={organization.error} retry={() => void organization.refetch()} />
      )}
    </Page>
  );
}

function Frame({ organization }: { organization: Organization }) {
  const base = `/organizations/${organization.name}`;
  return (
    <OrganizationContext value={organization}>
      <PageHeader
        title={organization.display_name || organization.name}
        description={
          <Link to="/organizations" className="hover:underline">
            All organizations
          </Link>
        }
      />
      <Tabs
        label="Organization"
        tabs={[
          { to: base, label: "Members" },
          { to: `${base}/roles`, label: "Roles" },
          { to: `${base}/settings`, label: "Settings" },
        ]}
      />
      <Outlet />
    </OrganizationContext>
  );
}
