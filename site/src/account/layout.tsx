import { Outlet } from "@tanstack/react-router";
import { Page, PageHeader } from "@/ui/page";
import { Tabs } from "@/ui/tabs";

const tabs = [
  { to: "/settings/account", label: "Profile" },
  { to: "/settings/security", label: "Sign-in" },
  { to: "/settings/appearance", label: "Appearance" },
  { to: "/settings/chats", label: "Chats" },
  { to: "/settings/ssh-key", label: "SSH key" },
  { to: "/settings/tokens", label: "Tokens" },
];

export function AccountLayout() {
  return (
    <Page className="max-w-3xl">
      <PageHeader title="Your account" />
      <Tabs label="Account settings" tabs={tabs} />
      <Outlet />
    </Page>
  );
}
