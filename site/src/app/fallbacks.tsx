import { Link } from "@tanstack/react-router";
import { Compass } from "lucide-react";
import { Button } from "@/ui/button";
import { ErrorNotice } from "@/ui/notice";
import { EmptyState, Loading, Page } from "@/ui/page";

export function NotFound() {
  return (
    <Page main>
      <EmptyState
        level="h1"
        icon={<Compass aria-hidden />}
        title="There is no page at this address"
        action={
          <Button asChild variant="primary">
            <Link to="/workspaces">Go to your workspaces</Link>
          </Button>
        }
      >
        The link may be old or mistyped.
      </EmptyState>
    </Page>
  );
}

export function RouteError({ error, reset }: { error: unknown; reset: () => void }) {
  return (
    <Page className="max-w-2xl">
      <ErrorNotice
        error={error}
        action={
          <Button size="sm" onClick={() => (reset(), window.location.reload())}>
            Try again
          </Button>
        }
      />
    </Page>
  );
}

export function RoutePending() {
  return (
    <Page>
      <Loading what="this page" />
    </Page>
  );
}
