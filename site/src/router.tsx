/** All pages and their addresses. Pages with heavy libraries (terminal, chat) are loaded when first opened. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { queryClient, setSignedOutHandler } from "./api/query";
import { firstUserQuery, meQuery } from "./api/session";
import { NotFound, RouteError, RoutePending } from "./app/fallbacks";
import { Shell } from "./app/shell";
import { CliAuthPage } from "./auth/cli-auth-page";
import { DevicePage } from "./auth/device-page";
import { LoginPage } from "./auth/login-page";
import { localPath } from "./auth/redirect";
import { SetupPage } from "./auth/setup-page";
import { ModelsPage } from "./settings/models-page";
import { TemplatesPage } from "./templates/templates-page";
import { CreatePage } from "./workspaces/create-page";
import { ListPage } from "./workspaces/list-page";
import { WorkspacePage } from "./workspaces/workspace-page";

/** A search parameter that is left out when it has no value. */
function kept<Name extends string>(name: Name, value: string | undefined): { [key in Name]?: string } {
  return (value === undefined ? {} : { [name]: value }) as { [key in Name]?: string };
}

/** What lists keep in their address. */
function listPlace(search: Record<string, unknown>): { q?: string; page?: number } {
  const page = Number(search["page"]);
  return { ...kept("q", typeof search["q"] === "string" ? search["q"] : undefined), ...(Number.isInteger(page) && page > 1 ? { page } : {}) };
}

const root = createRootRoute({ notFoundComponent: NotFound, errorComponent: RouteError });

const setup = createRoute({
  getParentRoute: () => root,
  path: "/setup",
  beforeLoad: async () => {
    if (await queryClient.fetchQuery(firstUserQuery)) throw redirect({ to: "/workspaces" });
  },
  component: SetupPage,
});

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  // The server comes here with `message` when a login at an outside provider failed.
  validateSearch: (search: Record<string, unknown>): { redirect?: string; message?: string } => ({
    ...kept("redirect", localPath(search["redirect"])),
    ...kept("message", text(search["message"])),
  }),
  beforeLoad: async () => {
    if (!(await queryClient.fetchQuery(firstUserQuery))) throw redirect({ to: "/setup" });
  },
  component: LoginPage,
});

const device = createRoute({
  getParentRoute: () => root,
  path: "/login/device",
  validateSearch: (search: Record<string, unknown>): { state: string; redirect?: string } => ({
    state: text(search["state"]) ?? "",
    ...kept("redirect", localPath(search["redirect"])),
  }),
  component: DevicePage,
});

/** Pages that need a session. */
const signedIn = createRoute({
  getParentRoute: () => root,
  id: "signed-in",
  beforeLoad: async ({ location }) => {
    if (await queryClient.ensureQueryData(meQuery)) return;
    queryClient.removeQueries({ queryKey: meQuery.queryKey });
    if (!(await queryClient.fetchQuery(firstUserQuery))) throw redirect({ to: "/setup" });
    throw redirect({ to: "/login", search: location.pathname === "/" ? {} : { redirect: location.href } });
  },
});

const framed = createRoute({ getParentRoute: () => signedIn, id: "framed", component: Shell });

const home = createRoute({
  getParentRoute: () => framed,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/workspaces" });
  },
});

const workspaces = createRoute({ getParentRoute: () => framed, path: "/workspaces", component: ListPage });
const newWorkspace = createRoute({
  getParentRoute: () => framed,
  path: "/workspaces/new",
  validateSearch: (search: Record<string, unknown>): { template?: string } =>
    typeof search["template"] === "string" ? { template: search["template"] } : {},
  component: CreatePage,
});
const workspace = createRoute({ getParentRoute: () => framed, path: "/@{$owner}/$name", component: WorkspacePage });
const terminal = createRoute({
  getParentRoute: () => signedIn,
  path: "/@{$owner}/$name/terminal",
  validateSearch: (search: Record<string, unknown>): { agent?: string; app?: string } => ({
    ...(typeof search["agent"] === "string" ? { agent: search["agent"] } : {}),
    ...(typeof search["app"] === "string" ? { app: search["app"] } : {}),
  }),
  component: lazyRouteComponent(() => import("./terminal/terminal-page"), "TerminalPage"),
});
const templates = createRoute({ getParentRoute: () => framed, path: "/templates", component: TemplatesPage });
const chats = createRoute({
  getParentRoute: () => framed,
  path: "/chats",
  component: lazyRouteComponent(() => import("./chats/chats-layout"), "ChatsLayout"),
});
const newChat = createRoute({
  getParentRoute: () => chats,
  path: "/",
  validateSearch: (search: Record<string, unknown>): { workspace?: string } =>
    typeof search["workspace"] === "string" ? { workspace: search["workspace"] } : {},
  component: lazyRouteComponent(() => import("./chats/new-chat-page"), "NewChatPage"),
});
const chat = createRoute({
  getParentRoute: () => chats,
  path: "$chatId",
  component: lazyRouteComponent(() => import("./chats/chat-page"), "ChatPage"),
});
const cliAuth = createRoute({ getParentRoute: () => signedIn, path: "/cli-auth", component: CliAuthPage });

const account = createRoute({ getParentRoute: () => framed, path: "/settings", component: lazyRouteComponent(() => import("./account/layout"), "AccountLayout") });
const accountPages = [
  createRoute({
    getParentRoute: () => account,
    path: "/",
    beforeLoad: () => {
      throw redirect({ to: "/settings/account" });
    },
  }),
  createRoute({ getParentRoute: () => account, path: "account", component: lazyRouteComponent(() => import("./account/profile-page"), "ProfilePage") }),
  createRoute({ getParentRoute: () => account, path: "security", component: lazyRouteComponent(() => import("./account/security-page"), "SecurityPage") }),
  createRoute({ getParentRoute: () => account, path: "appearance", component: lazyRouteComponent(() => import("./account/appearance-page"), "AppearancePage") }),
  createRoute({ getParentRoute: () => account, path: "ssh-key", component: lazyRouteComponent(() => import("./account/ssh-key-page"), "SshKeyPage") }),
  createRoute({ getParentRoute: () => account, path: "chats", component: lazyRouteComponent(() => import("./account/chats-page"), "ChatsPage") }),
  createRoute({ getParentRoute: () => account, path: "tokens", component: lazyRouteComponent(() => import("./account/tokens-page"), "TokensPage") }),
] as const;

const users = createRoute({ getParentRoute: () => framed, path: "/users", validateSearch: listPlace, component: lazyRouteComponent(() => import("./users/list-page"), "UsersPage") });

const organizations = createRoute({ getParentRoute: () => framed, path: "/organizations", component: lazyRouteComponent(() => import("./organizations/list-page"), "OrganizationsPage") });
const organization = createRoute({
  getParentRoute: () => framed,
  path: "/organizations/$organization",
  component: lazyRouteComponent(() => import("./organizations/layout"), "OrganizationLayout"),
});
const members = createRoute({ getParentRoute: () => organization, path: "/", validateSearch: listPlace, component: lazyRouteComponent(() => import("./organizations/members-page"), "MembersPage") });
const roles = createRoute({ getParentRoute: () => organization, path: "roles", component: lazyRouteComponent(() => import("./organizations/roles-page"), "RolesPage") });
const role = createRoute({ getParentRoute: () => organization, path: "roles/$role", component: lazyRouteComponent(() => import("./organizations/role-page"), "RolePage") });
const organizationSettings = createRoute({
  getParentRoute: () => organization,
  path: "settings",
  component: lazyRouteComponent(() => import("./organizations/settings-page"), "OrganizationSettingsPage"),
});

const audit = createRoute({ getParentRoute: () => framed, path: "/audit", validateSearch: listPlace, component: lazyRouteComponent(() => import("./audit/audit-page"), "AuditPage") });
const deployment = createRoute({ getParentRoute: () => framed, path: "/deployment", component: lazyRouteComponent(() => import("./deployment/deployment-page"), "DeploymentPage") });
const models = createRoute({ getParentRoute: () => framed, path: "/deployment/models", component: ModelsPage });
const chatSettings = createRoute({ getParentRoute: () => framed, path: "/deployment/chats", component: lazyRouteComponent(() => import("./settings/chat-settings-page"), "ChatSettingsPage") });
const apiDocs = createRoute({ getParentRoute: () => framed, path: "/swagger", component: lazyRouteComponent(() => import("./api-docs/api-page"), "ApiPage") });

const places = [
  home,
  workspaces,
  newWorkspace,
  workspace,
  templates,
  chats.addChildren([newChat, chat]),
  account.addChildren(accountPages),
  users,
  organizations,
  organization.addChildren([members, roles, role, organizationSettings]),
  audit,
  deployment,
  models,
  chatSettings,
  apiDocs,
] as const;

export const router = createRouter({
  routeTree: root.addChildren([setup, login, device, signedIn.addChildren([terminal, cliAuth, framed.addChildren(places)])]),
  defaultPendingComponent: RoutePending,
  defaultErrorComponent: RouteError,
  defaultNotFoundComponent: NotFound,
  scrollRestoration: true,
});

setSignedOutHandler(() => {
  const { pathname, href } = router.state.location;
  if (pathname.startsWith("/login") || pathname === "/setup") return;
  queryClient.clear();
  void router.navigate({ to: "/login", search: { redirect: href } });
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
