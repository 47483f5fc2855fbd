import { useState } from "react";
import type { WorkspaceResource } from "@/api/types";
import { Button } from "@/ui/button";
import { Card, CardHeader } from "@/ui/page";

/** What the template says about its resources. */
export function Metadata({ resources }: { resources: WorkspaceResource[] }) {
  const shown = resources.filter((resource) => !resource.hide && (resource.metadata?.length ?? 0) > 0);
  if (shown.length === 0) return null;
  return (
    <Card>
      <CardHeader title="Resources" />
      <div className="space-y-5 p-5">
        {shown.map((resource) => (
          <div key={resource.id} className="space-y-2">
            <div className="font-mono text-xs text-muted-foreground">
              {resource.type}.{resource.name}
            </div>
            <dl className="flex flex-wrap gap-x-10 gap-y-3 text-[0.8125rem]">
              {(resource.metadata ?? []).map((item) => (
                <div key={item.key}>
                  <dt className="text-muted-foreground">{item.key}</dt>
                  <dd className="font-medium break-all">{item.sensitive ? <Hidden value={item.value} /> : item.value}</dd>
                </div>
              ))}
            </dl>
          </div>
        ))}
      </div>
    </Card>
  );
}

function Hidden({ value }: { value: string }) {
  const [shown, setShown] = useState(false);
  return (
    <span className="inline-flex items-center gap-2">
      {shown ? value : "••••••••"}
      <Button variant="ghost" size="sm" onClick={() => setShown(!shown)}>
        {shown ? "Hide" : "Show"}
      </Button>
    </span>
  );
}
