/** Checks of names as the server makes them, so that a form can speak before it is sent. Pure. */

const USERNAME = /^[a-zA-Z0-9]+(?:-[a-zA-Z0-9]+)*$/;
const RESERVED = new Set(["new", "create"]);

/** Why a username (or another short name) is refused; undefined when it is fine or still empty. */
export function nameComplaint(name: string): string | undefined {
  if (name === "") return undefined;
  if (name.length > 32) return "Use at most 32 characters.";
  if (RESERVED.has(name)) return `“${name}” is reserved; choose another name.`;
  if (!USERNAME.test(name)) return "Use letters, digits and single hyphens between them.";
  return undefined;
}

/** A username made of the part of an email address before the @. */
export function usernameFor(email: string): string {
  const [local = ""] = email.split("@");
  return local
    .replace(/[^a-zA-Z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 32)
    .replace(/-+$/, "");
}
