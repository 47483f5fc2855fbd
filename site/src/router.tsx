/** All pages and their addresses. Pages with heavy libraries (terminal, chat) are loaded when first opened. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { queryClient, setSignedOutHandler } from "./api/query";
import { firstUserQuery, meQuery } from "./api/session";
import { NotFound, RouteError, RoutePending } from "./app/fallbacks";
import { Shell } from "./app/shell";
import { LoginPage } from "./auth/login-page";
import { SetupPage } from "./auth/setup-page";
import { ModelsPage } from "./settings/models-page";
import { TemplatesPage } from "./templates/templates-page";
import { CreatePage } from "./workspaces/create-page";
import { ListPage } from "./workspaces/list-page";
import { WorkspacePage } from "./workspaces/workspace-page";

const root = createRootRoute({ notFoundComponent: NotFound, errorComponent: RouteError });

const setup = createRoute({
  getParentRoute: () => root,
  path: "/setup",
  beforeLoad: async () => {
    if (await queryClient.fetchQuery(firstUserQuery)) throw redirect({ to: "/workspaces" });
  },
  component: SetupPage,
});

const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  validateSearch: (search: Record<string, unknown>): { redirect?: string } => {
    const target = search["redirect"];
    // Only addresses of this dashboard: a link must not lead away after sign-in.
    return typeof target === "string" && /^\/(?![/\\])/.test(target) ? { redirect: target } : {};
  },
  beforeLoad: async () => {
    if (!(await queryClient.fetchQuery(firstUserQuery))) throw redirect({ to: "/setup" });
  },
  component: LoginPage,
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
const models = createRoute({ getParentRoute: () => framed, path: "/settings/models", component: ModelsPage });

export const router = createRouter({
  routeTree: root.addChildren([
    setup,
    login,
    signedIn.addChildren([
      terminal,
      framed.addChildren([home, workspaces, newWorkspace, workspace, templates, chats.addChildren([newChat, chat]), models]),
    ]),
  ]),
  defaultPendingComponent: RoutePending,
  defaultErrorComponent: RouteError,
  defaultNotFoundComponent: NotFound,
  scrollRestoration: true,
});

setSignedOutHandler(() => {
  const { pathname, href } = router.state.location;
  if (pathname === "/login" || pathname === "/setup") return;
  queryClient.clear();
  void router.navigate({ to: "/login", search: { redirect: href } });
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
