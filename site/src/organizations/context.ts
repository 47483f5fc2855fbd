import { createContext, useContext } from "react";
import type { Organization } from "@/api/types";

export const OrganizationContext = createContext<Organization | null>(null);

/** The organization whose pages are open. */
export function useOrganization(): Organization {
  const organization = useContext(OrganizationContext);
  if (!organization) throw new Error("this page is not inside an organization");
  return organization;
}
