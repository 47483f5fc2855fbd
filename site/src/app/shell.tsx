import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useRouter, useRouterState } from "@tanstack/react-router";
import { ChevronsUpDown, CircleUser, KeyRound, LogOut, Menu as MenuIcon, Palette } from "lucide-react";
import type { ReactNode } from "react";
import { usePermissions } from "@/api/permissions";
import { buildInfoQuery, meQuery, useSignOut } from "@/api/session";
import { Avatar } from "@/ui/avatar";
import { Logo } from "@/ui/logo";
import { Menu, MenuItem, MenuSeparator } from "@/ui/menu";
import { OfflineBar } from "./offline";
import { type Place, allowedPlaces, isHere, workPlaces } from "./places";
import { useAccountTheme } from "./theme";

/** The frame of every signed-in page: places on the left (at the bottom on a phone), the page beside them. */
export function Shell() {
  useAccountTheme();
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  const admin = allowedPlaces(usePermissions());
  return (
    <div className="flex h-dvh flex-col md:flex-row">
      <a href="#main" className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:rounded-br-lg focus:bg-card focus:px-4 focus:py-2.5 focus:font-medium focus:shadow-lg">
        Skip to content
      </a>
      <aside aria-label="Warren" className="hidden w-56 shrink-0 flex-col border-r border-border bg-muted/45 md:flex">
        <Link to="/workspaces" className="flex items-center gap-2.5 px-5 pt-5 pb-4 text-base font-semibold tracking-tight">
          <Logo className="size-7" />
          Warren
        </Link>
        <nav aria-label="Places" className="min-h-0 flex-1 space-y-5 overflow-y-auto px-3">
          <PlaceList places={workPlaces} pathname={pathname} />
          {admin.length > 0 ? (
            <section aria-label="Administration">
              <h2 className="px-2.5 pb-1.5 text-xs font-medium text-muted-foreground">Administration</h2>
              <PlaceList places={admin} pathname={pathname} />
            </section>
          ) : null}
        </nav>
        <Account />
      </aside>
      <main id="main" tabIndex={-1} className="flex min-h-0 min-w-0 flex-1 flex-col outline-none">
        <OfflineBar />
        <div className="min-h-0 flex-1 overflow-y-auto" data-scroll>
          <Outlet />
        </div>
      </main>
      <PhoneBar pathname={pathname} admin={admin} />
    </div>
  );
}

function PlaceList({ places, pathname }: { places: Place[]; pathname: string }) {
  return (
    <ul className="space-y-0.5">
      {places.map((place) => (
        <li key={place.to}>
          <Link
            to={place.to}
            activeOptions={{ exact: true }}
            aria-current={isHere(place.to, pathname) ? "page" : undefined}
            className="flex h-9 items-center gap-3 rounded-lg px-2.5 text-sm font-medium text-muted-foreground transition-colors hover:bg-muted hover:text-foreground aria-[current=page]:bg-accent aria-[current=page]:text-accent-foreground [&_svg]:size-4"
          >
            {place.icon}
            {place.label}
          </Link>
        </li>
      ))}
    </ul>
  );
}

const phoneItem = "flex flex-1 flex-col items-center gap-1 py-2 text-[0.6875rem] font-medium text-muted-foreground aria-[current=page]:text-accent-foreground [&_svg]:size-5";

function PhoneBar({ pathname, admin }: { pathname: string; admin: Place[] }) {
  return (
    <nav aria-label="Places" className="flex shrink-0 border-t border-border bg-card pb-[env(safe-area-inset-bottom)] md:hidden">
      {workPlaces.map((place) => (
        <Link key={place.to} to={place.to} activeOptions={{ exact: true }} aria-current={isHere(place.to, pathname) ? "page" : undefined} className={phoneItem}>
          {place.icon}
          {place.label}
        </Link>
      ))}
      <AccountMenu
        admin={admin}
        trigger={
          <button type="button" className={phoneItem} aria-current={admin.some((place) => isHere(place.to, pathname)) ? "page" : undefined} data-testid="more-places">
            <MenuIcon aria-hidden />
            More
          </button>
        }
      />
    </nav>
  );
}

function Account() {
  const { data: me } = useQuery(meQuery);
  const { data: build } = useQuery(buildInfoQuery);
  const name = me?.name || me?.username || "";
  return (
    <div className="border-t border-border p-3">
      <AccountMenu
        admin={[]}
        trigger={
          <button type="button" data-testid="account" className="flex w-full items-center gap-2.5 rounded-lg p-2 text-left hover:bg-muted">
            <Avatar name={name} url={me?.avatar_url} />
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

/** Own settings and signing out; on a phone also the places that the bar has no room for. */
function AccountMenu({ trigger, admin }: { trigger: ReactNode; admin: Place[] }) {
  const { data: me } = useQuery(meQuery);
  const router = useRouter();
  const signOut = useSignOut();
  const leave = () => signOut.mutate(undefined, { onSettled: () => void router.navigate({ to: "/login", search: {} }) });
  return (
    <Menu align="start" trigger={trigger}>
      {admin.map((place) => (
        <MenuItem key={place.to} asChild>
          <Link to={place.to}>
            {place.icon}
            {place.label}
          </Link>
        </MenuItem>
      ))}
      {admin.length > 0 ? <MenuSeparator /> : null}
      <div className="max-w-64 truncate px-2.5 py-1.5 text-xs text-muted-foreground">{me?.email}</div>
      <MenuItem asChild>
        <Link to="/settings/account" data-testid="account-settings">
          <CircleUser aria-hidden />
          Your account
        </Link>
      </MenuItem>
      <MenuItem asChild>
        <Link to="/settings/tokens">
          <KeyRound aria-hidden />
          Tokens
        </Link>
      </MenuItem>
      <MenuItem asChild>
        <Link to="/settings/appearance">
          <Palette aria-hidden />
          Appearance
        </Link>
      </MenuItem>
      <MenuSeparator />
      <MenuItem onSelect={leave} data-testid="sign-out">
        <LogOut aria-hidden />
        Sign out
      </MenuItem>
    </Menu>
  );
}
