import { Command } from "@/ui/copy";

/** How a template gets here: from the command line. */
export function PushHelp({ name = "process" }: { name?: string }) {
  const origin = window.location.origin;
  return (
    <ol className="space-y-3 text-sm">
      <li className="space-y-1.5">
        <span className="text-muted-foreground">Sign in on the command line, once:</span>
        <Command text={`warren login ${origin}`} />
      </li>
      <li className="space-y-1.5">
        <span className="text-muted-foreground">Push a directory that holds your Terraform files:</span>
        <Command text={`warren templates push ${name} -d ./${name}`} />
      </li>
    </ol>
  );
}
