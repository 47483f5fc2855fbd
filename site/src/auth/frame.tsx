import type { ReactNode } from "react";
import { Logo } from "@/ui/logo";

export function AuthFrame({ title, description, children }: { title: string; description: ReactNode; children: ReactNode }) {
  return (
    <main className="grid min-h-dvh place-items-center px-4 py-10">
      <div className="w-full max-w-[23rem]">
        <div className="mb-7 flex flex-col items-center text-center">
          <Logo className="mb-5 size-12" />
          <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
          <p className="mt-1.5 text-sm text-muted-foreground">{description}</p>
        </div>
        <div className="rounded-xl border border-border bg-card p-6 shadow-xs">{children}</div>
      </div>
    </main>
  );
}
