import { Avatar } from "@/ui/avatar";

/** A person in a list: picture or initial, name, and a second line. */
export function Person({ name, detail, avatar }: { name: string; detail: string; avatar?: string | null | undefined }) {
  return (
    <div className="flex min-w-0 items-center gap-3">
      <Avatar name={name} url={avatar} />
      <div className="min-w-0">
        <div className="truncate font-medium">{name}</div>
        <div className="truncate text-[0.8125rem] text-muted-foreground">{detail}</div>
      </div>
    </div>
  );
}
