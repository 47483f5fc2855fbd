import { useQuery } from "@tanstack/react-query";
import { Monitor, Moon, Sun } from "lucide-react";
import { appearanceQuery, useUpdateAppearance } from "@/api/account";
import { type Theme, applyTheme, toTheme } from "@/app/theme";
import { ErrorNotice } from "@/ui/notice";
import { Card, CardHeader, LoadFailed, Loading, useTitle } from "@/ui/page";
import { Segments } from "@/ui/segments";

const themes: { value: Theme; label: string; hint: string; icon: React.ReactNode }[] = [
  { value: "auto", label: "System", hint: "Follows this device", icon: <Monitor aria-hidden /> },
  { value: "light", label: "Light", hint: "Always", icon: <Sun aria-hidden /> },
  { value: "dark", label: "Dark", hint: "Always", icon: <Moon aria-hidden /> },
];

export function AppearancePage() {
  useTitle("Appearance");
  const appearance = useQuery(appearanceQuery);
  const update = useUpdateAppearance();
  if (appearance.isPending) return <Loading what="your settings" />;
  if (!appearance.data) return <LoadFailed error={appearance.error} retry={() => void appearance.refetch()} />;
  const held = appearance.data;
  const choose = (theme: Theme) => {
    applyTheme(theme);
    update.mutate(
      { theme_preference: theme, terminal_font: held.terminal_font },
      { onError: () => applyTheme(toTheme(held.theme_preference)) },
    );
  };
  const shown = update.isPending ? toTheme(update.variables.theme_preference) : toTheme(held.theme_preference);
  return (
    <Card>
      <CardHeader title="Theme" description="Stored with your account, so every browser you use looks the same." />
      <div className="space-y-4 p-5">
        <ErrorNotice error={update.error} />
        <Segments label="Theme" value={shown} onChange={choose} options={themes} />
      </div>
    </Card>
  );
}
