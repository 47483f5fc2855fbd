/** Where one can go, by what one may see. */
import { Boxes, Building2, LayoutTemplate, MessageSquareLock, MessagesSquare, ScrollText, Server, SlidersHorizontal, Users } from "lucide-react";
import type { ReactNode } from "react";
import type { Permissions } from "@/api/permissions";

export interface Place {
  to: "/workspaces" | "/chats" | "/templates" | "/users" | "/organizations" | "/audit" | "/deployment" | "/deployment/models" | "/deployment/chats";
  label: string;
  icon: ReactNode;
}

export const workPlaces: Place[] = [
  { to: "/workspaces", label: "Workspaces", icon: <Boxes aria-hidden /> },
  { to: "/chats", label: "Chats", icon: <MessagesSquare aria-hidden /> },
  { to: "/templates", label: "Templates", icon: <LayoutTemplate aria-hidden /> },
];

const adminPlaces: (Place & { needs: (keyof Permissions)[] })[] = [
  { to: "/users", label: "Users", icon: <Users aria-hidden />, needs: ["viewUsers"] },
  { to: "/organizations", label: "Organizations", icon: <Building2 aria-hidden />, needs: ["viewMembers", "createOrganization"] },
  { to: "/audit", label: "Audit log", icon: <ScrollText aria-hidden />, needs: ["viewAudit"] },
  { to: "/deployment/models", label: "Models", icon: <SlidersHorizontal aria-hidden />, needs: ["editModels"] },
  { to: "/deployment/chats", label: "Chat settings", icon: <MessageSquareLock aria-hidden />, needs: ["editModels"] },
  { to: "/deployment", label: "Deployment", icon: <Server aria-hidden />, needs: ["viewDeployment"] },
];

/** Places of administration that the person may see; one permission of a place is enough. */
export function allowedPlaces(may: Permissions): Place[] {
  return adminPlaces.filter((place) => place.needs.some((need) => may[need]));
}

/** A workspace's own page belongs to the workspaces, though its address begins with its owner. */
export function isHere(to: Place["to"], pathname: string): boolean {
  if (to === "/workspaces" && pathname.startsWith("/@")) return true;
  if (to === "/deployment") return pathname === to;
  return pathname === to || pathname.startsWith(`${to}/`);
}
