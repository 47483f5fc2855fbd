import type { User } from "@/api/types";
import type { StatusTone } from "@/ui/status";

export const statusLook: Record<User["status"], { label: string; tone: StatusTone; hint: string }> = {
  active: { label: "Active", tone: "good", hint: "May sign in." },
  dormant: { label: "Dormant", tone: "quiet", hint: "Has not been seen for long; signing in makes the account active again." },
  suspended: { label: "Suspended", tone: "bad", hint: "Cannot sign in, and its tokens are refused." },
};

export const loginLabel: Record<User["login_type"], string> = {
  password: "Password",
  oidc: "Single sign-on",
  github: "GitHub",
  token: "Tokens only",
  none: "No sign-in",
};

/** A time of year 1 stands for "never". */
export function wasSeen(time: string | undefined): time is string {
  return time !== undefined && new Date(time).getUTCFullYear() > 1970;
}
