// Organizations, members and roles in the stand-in server.
import { record } from "./audit.mjs";
import { now, state, uuid } from "./state.mjs";

const find = (id) => state.organizations.find((held) => held.id === id || held.name === id);
const grant = (resource_type, action) => ({ negate: false, resource_type, action });
const role = (name, display_name, organization_permissions, built_in = true) => ({ name, display_name, organization_id: state.organization.id, site_permissions: [], user_permissions: [], organization_permissions, organization_member_permissions: [], assignable: true, built_in });

const builtIn = [
  role("organization-admin", "Organization Admin", [grant("*", "*")]),
  role("organization-auditor", "Organization Auditor", [grant("audit_log", "read"), grant("template", "read"), grant("group", "read")]),
  role("organization-member", "Organization Member", [grant("organization", "read")]),
  role("organization-template-admin", "Organization Template Admin", [grant("template", "*"), grant("file", "*"), grant("workspace", "read"), grant("provisioner_daemon", "*"), grant("organization_member", "read")]),
  role("organization-user-admin", "Organization User Admin", [grant("organization_member", "*"), grant("assign_org_role", "assign"), grant("group", "*")]),
];
const customRoles = new Map();
const rolesOf = (id) => [...builtIn, ...(customRoles.get(find(id).id) ?? [])];
const memberRoles = new Map();

function members({ org }, _, search) {
  const organization = find(org);
  const all = state.users
    .filter((user) => user.organization_ids.includes(organization.id))
    .map((user) => ({ ...user, user_id: user.id, organization_id: organization.id, roles: memberRoles.get(`${organization.id}/${user.id}`) ?? [], global_roles: user.roles }));
  const from = Number(search.get("offset") ?? 0);
  return [200, { members: all.slice(from, from + Number(search.get("limit"))), count: all.length }];
}

function create(_, body) {
  if (find(body.name)) return [409, { message: "This organization exists already.", validations: [{ field: "name", detail: "This name is taken." }] }];
  const organization = { id: uuid(), is_default: false, created_at: now(), updated_at: now(), default_org_member_roles: [], ...body };
  state.organizations.push(organization);
  record("create", "organization", organization.name, { name: { old: "", new: organization.name, secret: false } });
  return [201, organization];
}

function setMemberRoles({ org, user }, { roles }) {
  const organization = find(org);
  const held = rolesOf(org).filter((r) => roles.includes(r.name)).map(({ name, display_name }) => ({ name, display_name, organization_id: organization.id }));
  memberRoles.set(`${organization.id}/${user}`, held);
  return [200, {}];
}

function saveRole({ org }, body) {
  const { id } = find(org);
  const others = (customRoles.get(id) ?? []).filter((held) => held.name !== body.name);
  customRoles.set(id, [...others, { ...body, organization_id: id, assignable: true, built_in: false }]);
  return [200, body];
}

function dropRole({ org, role: name }) {
  const { id } = find(org);
  customRoles.set(id, customRoles.get(id).filter((held) => held.name !== name));
  return [204];
}

export const organizationRoutes = [
  ["GET", "/api/v2/organizations", () => [200, state.organizations]],
  ["POST", "/api/v2/organizations", create],
  ["GET", "/api/v2/organizations/:org", ({ org }) => (find(org) ? [200, find(org)] : [404, { message: "There is no such organization." }])],
  ["PATCH", "/api/v2/organizations/:org", ({ org }, body) => [200, Object.assign(find(org), body)]],
  ["DELETE", "/api/v2/organizations/:org", ({ org }) => ((state.organizations = state.organizations.filter((held) => held.id !== org)), [200, { message: "Deleted." }])],
  ["GET", "/api/v2/organizations/:org/paginated-members", members],
  ["GET", "/api/v2/organizations/:org/members/roles", ({ org }) => [200, rolesOf(org)]],
  ["POST", "/api/v2/organizations/:org/members/roles", saveRole],
  ["PUT", "/api/v2/organizations/:org/members/roles", saveRole],
  ["DELETE", "/api/v2/organizations/:org/members/roles/:role", dropRole],
  ["POST", "/api/v2/organizations/:org/members/:user", ({ org, user }) => (state.users.find((u) => u.id === user).organization_ids.push(find(org).id), [200, {}])],
  ["DELETE", "/api/v2/organizations/:org/members/:user", ({ org, user }) => ((state.users.find((u) => u.id === user).organization_ids = state.users.find((u) => u.id === user).organization_ids.filter((id) => id !== find(org).id)), [204])],
  ["PUT", "/api/v2/organizations/:org/members/:user/roles", setMemberRoles],
];

export function seedOrganizations() {
  create({}, { name: "research", display_name: "Research", description: "Experiments that may break.", icon: "" });
  saveRole({ org: "coder" }, { name: "build-watcher", display_name: "Build watcher", site_permissions: [], user_permissions: [], organization_permissions: [grant("workspace", "read"), grant("provisioner_jobs", "read")], organization_member_permissions: [grant("workspace", "stop")] });
  setMemberRoles({ org: "coder", user: state.users[1].id }, { roles: ["organization-admin", "build-watcher"] });
}
