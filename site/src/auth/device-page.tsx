import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useRouter, useSearch } from "@tanstack/react-router";
import { ExternalLink } from "lucide-react";
import { useEffect, useState } from "react";
import { deviceLoginQuery, pollDevice } from "@/api/sign-in";
import type { DeviceLogin } from "@/api/types";
import { Button } from "@/ui/button";
import { CopyButton } from "@/ui/copy";
import { ErrorNotice } from "@/ui/notice";
import { LoadFailed, Loading, useTitle } from "@/ui/page";
import { Spinner } from "@/ui/spinner";
import { AuthFrame } from "./frame";
import { localPath } from "./redirect";

/** Login at GitHub for servers that GitHub cannot send the browser back to: a code is typed in there. */
export function DevicePage() {
  useTitle("Sign in with GitHub");
  const { state, redirect } = useSearch({ from: "/login/device" });
  const device = useQuery(deviceLoginQuery);
  return (
    <AuthFrame title="Sign in with GitHub" description="Enter this code at GitHub, then come back to this page.">
      {device.isPending ? (
        <Loading what="the code" />
      ) : device.data ? (
        <Code key={device.data.device_code} device={device.data} state={state} redirect={redirect} restart={() => void device.refetch()} />
      ) : (
        <LoadFailed error={device.error} retry={() => void device.refetch()} />
      )}
    </AuthFrame>
  );
}

interface CodeProps {
  device: DeviceLogin;
  state: string;
  redirect: string | undefined;
  restart: () => void;
}

function Code({ device, state, redirect, restart }: CodeProps) {
  const error = useConfirmation(device, state, redirect);
  return (
    <div className="space-y-5 text-center">
      <div className="flex items-center justify-center gap-2">
        <span className="font-mono text-2xl font-semibold tracking-[0.2em]" data-testid="device-code">
          {device.user_code}
        </span>
        <CopyButton text={device.user_code} label="Copy the code" />
      </div>
      <Button asChild variant="primary" size="lg" className="w-full">
        <a href={device.verification_uri} target="_blank" rel="noreferrer">
          Open GitHub
          <ExternalLink aria-hidden />
        </a>
      </Button>
      {error ? (
        <div className="text-left">
          <ErrorNotice
            error={error}
            action={
              <Button size="sm" onClick={restart}>
                New code
              </Button>
            }
          />
        </div>
      ) : (
        <p role="status" className="flex items-center justify-center gap-2 text-[0.8125rem] text-muted-foreground">
          <Spinner />
          Waiting for GitHub’s confirmation…
        </p>
      )}
    </div>
  );
}

/** Asks in the provider's interval until it confirms, then goes on. Returns what ended the asking otherwise. */
function useConfirmation(device: DeviceLogin, state: string, redirect: string | undefined): unknown {
  const router = useRouter();
  const client = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    const stop = new AbortController();
    let interval = Math.max(1, device.interval) * 1000;
    const until = Date.now() + device.expires_in * 1000;
    let timer = setTimeout(ask, interval);
    async function ask() {
      try {
        if (Date.now() > until) throw new Error("This code has expired. Get a new one.");
        const answer = await pollDevice(device.device_code, state, stop.signal);
        if (answer.done) {
          await client.invalidateQueries({ queryKey: ["session"] });
          router.history.push(redirect ?? localPath(answer.redirect) ?? "/");
          return;
        }
        if (answer.slower) interval += 5000;
        timer = setTimeout(ask, interval);
      } catch (cause) {
        if (!stop.signal.aborted) setError(cause);
      }
    }
    return () => {
      stop.abort();
      clearTimeout(timer);
    };
  }, [device, state, redirect, router, client]);
  return error;
}
