import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useRouter, useRouterState } from "@tanstack/react-router";
import { Boxes, ChevronsUpDown, CircleUser, LayoutTemplate, LogOut, MessagesSquare, SlidersHorizontal } from "lucide-react";
import type { ReactNode } from "react";
import { buildInfoQuery, meQuery, useSignOut } from "@/api/session";
import { Logo } from "@/ui/logo";
import { Menu, MenuItem } from "@/ui/menu";
import { OfflineBar } from "./offline";

const places: { to: "/workspaces" | "/chats" | "/templates" | "/settings/models"; label: string; icon: ReactNode }[] = [
  { to: "/workspaces", label: "Workspaces", icon: <Boxes aria-hidden /> },
  { to: "/chats", label: "Chats", icon: <MessagesSquare aria-hidden /> },
  { to: "/templates", label: "Templates", icon: <LayoutTemplate aria-hidden /> },
  { to: "/settings/models", label: "Models", icon: <SlidersHorizontal aria-hidden /> },
];

/** The frame of every signed-in page: places on the left (at the bottom on a phone), the page beside them. */
export function Shell() {
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  return (
    <div className="flex h-dvh flex-col md:flex-row">
      <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:bg-card focus:p-2">
        Skip to content
      </a>
      <aside aria-label="Warren" className="hidden w-56 shrink-0 flex-col border-r border-border bg-muted/45 md:flex">
        <Link to="/workspaces" className="flex items-center gap-2.5 px-5 pt-5 pb-4 text-base font-semibold tracking-tight">
          <Logo className="size-7" />
          Warren
        </Link>
        <nav aria-label="Places" className="flex-1 space-y-0.5 px-3">
          {places.map((place) => (
            <Link
              key={place.to}
              to={place.to}
              aria-current={isHere(place.to, pathname) ? "page" : undefined}
              className="flex h-9 items-center gap-3 rounded-lg px-2.5 text-sm font-medium text-muted-foreground transition-colors hover:bg-muted hover:text-foreground aria-[current=page]:bg-accent aria-[current=page]:text-accent-foreground [&_svg]:size-4"
            >
              {place.icon}
              {place.label}
            </Link>
          ))}
        </nav>
        <Account />
      </aside>
      <main id="main" className="flex min-h-0 min-w-0 flex-1 flex-col">
        <OfflineBar />
        <div className="min-h-0 flex-1 overflow-y-auto" data-scroll>
          <Outlet />
        </div>
      </main>
      <nav aria-label="Places" className="flex shrink-0 border-t border-border bg-card pb-[env(safe-area-inset-bottom)] md:hidden">
        {places.map((place) => (
          <Link
            key={place.to}
            to={place.to}
            aria-current={isHere(place.to, pathname) ? "page" : undefined}
            className="flex flex-1 flex-col items-center gap-1 py-2 text-[0.6875rem] font-medium text-muted-foreground aria-[current=page]:text-accent-foreground [&_svg]:size-5"
          >
            {place.icon}
            {place.label}
          </Link>
        ))}
        <AccountMenu
          trigger={
            <button type="button" className="flex flex-1 flex-col items-center gap-1 py-2 text-[0.6875rem] font-medium text-muted-foreground">
              <CircleUser aria-hidden className="size-5" />
              You
            </button>
          }
        />
      </nav>
    </div>
  );
}

/** A workspace's own page belongs to the workspaces, though its address begins with its owner. */
function isHere(place: string, pathname: string): boolean {
  return pathname.startsWith(place) || (place === "/workspaces" && pathname.startsWith("/@"));
}

function Account() {
  const { data: me } = useQuery(meQuery);
  const { data: build } = useQuery(buildInfoQuery);
  const name = me?.name || me?.username || "";
  return (
    <div className="border-t border-border p-3">
      <AccountMenu
        trigger={
          <button type="button" data-testid="account" className="flex w-full items-center gap-2.5 rounded-lg p-2 text-left hover:bg-muted">
            <span aria-hidden className="grid size-7 place-items-center rounded-full bg-primary text-xs font-semibold text-primary-foreground uppercase">
              {name.slice(0, 1)}
            </span>
            <span className="min-w-0 flex-1">
              <span className="block truncate text-[0.8125rem] font-medium">{name}</span>
              <span className="block truncate text-xs text-muted-foreground">{build?.version ?? me?.email}</span>
            </span>
            <ChevronsUpDown aria-hidden className="size-4 text-muted-foreground" />
          </button>
        }
      />
    </div>
  );
}

function AccountMenu({ trigger }: { trigger: ReactNode }) {
  const { data: me } = useQuery(meQuery);
  const router = useRouter();
  const signOut = useSignOut();
  const leave = () => signOut.mutate(undefined, { onSettled: () => void router.navigate({ to: "/login", search: {} }) });
  return (
    <Menu align="start" trigger={trigger}>
      <div className="px-2.5 py-1.5 text-xs text-muted-foreground">{me?.email}</div>
      <MenuItem onSelect={leave} data-testid="sign-out">
        <LogOut aria-hidden />
        Sign out
      </MenuItem>
    </Menu>
  );
}
