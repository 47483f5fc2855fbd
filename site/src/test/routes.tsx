import { Outlet, RouterProvider, createMemoryHistory, createRootRoute, createRoute, createRouter } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { renderWithQueries } from "./server";

/** Renders a page at an address; every other address shows its own path and search, so that tests see where one was led. */
export function renderPage(path: string, component: () => ReactNode, at: string) {
  const root = createRootRoute({ component: Outlet, notFoundComponent: () => <p data-testid="elsewhere">{router.state.location.href}</p> });
  const page = createRoute({ getParentRoute: () => root, path, component });
  const router = createRouter({ routeTree: root.addChildren([page]), history: createMemoryHistory({ initialEntries: [at] }) });
  // The type of the dashboard's router is registered globally; this one has other routes.
  return renderWithQueries(<RouterProvider router={router as never} />);
}
