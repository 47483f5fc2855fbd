import { useQuery } from "@tanstack/react-query";
import { Settings2 } from "lucide-react";
import { useState } from "react";
import { ApiError } from "@/api/client";
import { deploymentConfigQuery, replicasQuery } from "@/api/deployment";
import { buildInfoQuery } from "@/api/session";
import type { DeploymentOption } from "@/api/types";
import { Card, CardHeader, EmptyState, LoadFailed, Loading, Page, PageHeader, useTitle } from "@/ui/page";
import { SearchBox } from "@/ui/search-box";
import { Pill } from "@/ui/status";
import { Table, Td, Th } from "@/ui/table";
import { optionGroups, ownVariable, sourceText, valueText } from "./options";

export function DeploymentPage() {
  useTitle("Deployment");
  const config = useQuery(deploymentConfigQuery);
  const forbidden = config.error instanceof ApiError && (config.error.status === 403 || config.error.status === 404);
  return (
    <Page>
      <PageHeader title="Deployment" description="How this server was started. Options are changed where they were set, then the server is restarted." />
      <Build />
      <Servers />
      {config.isPending ? (
        <Loading what="the options" />
      ) : config.data ? (
        <Options options={config.data.options ?? []} />
      ) : forbidden ? (
        <EmptyState icon={<Settings2 aria-hidden />} title="Your account may not see the options">
          Ask an owner or an auditor of this server.
        </EmptyState>
      ) : (
        <LoadFailed error={config.error} retry={() => void config.refetch()} />
      )}
    </Page>
  );
}

function Build() {
  const { data: build } = useQuery(buildInfoQuery);
  if (!build) return null;
  const facts: [string, string][] = [
    ["Version", build.version],
    ["Address", build.dashboard_url || "derived from each request"],
    ["Deployment id", build.deployment_id],
    ["Agent API", build.agent_api_version],
    ["Provisioner API", build.provisioner_api_version],
  ];
  return (
    <Card>
      <CardHeader title="This server" actions={<a href="/swagger" className="text-[0.8125rem] font-medium text-accent-foreground underline underline-offset-2">API documentation</a>} />
      <dl className="grid grid-cols-[6.5rem_1fr] gap-x-4 gap-y-2.5 p-5 text-sm sm:grid-cols-[10rem_1fr]">
        {facts.map(([name, value]) => (
          <div key={name} className="contents">
            <dt className="text-muted-foreground">{name}</dt>
            <dd className="min-w-0 wrap-anywhere">{value || "—"}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

/** The servers that act as one. Nothing is said while there is one, or to those who may not see them. */
function Servers() {
  const { data: servers } = useQuery(replicasQuery);
  if (!servers || (servers.length < 2 && servers.every((server) => server.error === ""))) return null;
  return (
    <Card className="overflow-hidden">
      <CardHeader title="Servers" />
      <Table
        label="Servers"
        head={
          <>
            <Th>Server</Th>
            <Th>State</Th>
          </>
        }
      >
        {servers.map((server) => (
          <tr key={server.id} data-testid="server-row">
            <Td className="w-3/5 align-top">
              <div className="font-medium">{server.hostname}</div>
              <div className="font-mono text-xs break-all text-muted-foreground">
                {server.version} {server.relay_address}
              </div>
            </Td>
            <Td className="align-top">{server.error || "Works"}</Td>
          </tr>
        ))}
      </Table>
    </Card>
  );
}

function Options({ options }: { options: DeploymentOption[] }) {
  const [text, setText] = useState("");
  const groups = optionGroups(options, text);
  return (
    <>
      <div className="flex">
        <SearchBox label="Search options" placeholder="Name, flag or variable" value={text} onChange={setText} />
      </div>
      {groups.length === 0 ? <p className="text-sm text-muted-foreground">No option matches “{text}”.</p> : null}
      {groups.map((group) => (
        <Card key={group.title} className="overflow-hidden">
          <CardHeader title={group.title} />
          <Table
            label={group.title}
            head={
              <>
                <Th>Option</Th>
                <Th>Value</Th>
              </>
            }
          >
            {group.options.map((option) => (
              <OptionRow key={option.flag || option.env || option.name} option={option} />
            ))}
          </Table>
        </Card>
      ))}
    </>
  );
}

function OptionRow({ option }: { option: DeploymentOption }) {
  const source = sourceText(option);
  return (
    <tr data-testid="option-row" data-name={option.flag || option.name}>
      <Td className="w-3/5 align-top">
        <div className="font-medium">{option.name || option.flag}</div>
        {option.description ? <div className="max-w-prose text-[0.8125rem] text-muted-foreground">{option.description}</div> : null}
        <div className="mt-1 flex flex-wrap gap-x-3 font-mono text-xs break-all text-muted-foreground">
          {option.flag ? <span>--{option.flag}</span> : null}
          {option.env ? <span>{ownVariable(option.env)}</span> : null}
        </div>
      </Td>
      <Td className="align-top">
        <div className="font-mono text-[0.8125rem] break-all">{valueText(option)}</div>
        {source && source !== "default" ? <Pill className="mt-1">{source}</Pill> : null}
      </Td>
    </tr>
  );
}
