// The options page of the stand-in server, and its API document.
import { readFile } from "node:fs/promises";
import path from "node:path";

const network = { name: "Networking" };
const tls = { name: "TLS", parent: network };
const options = [
  { name: "Access URL", description: "The address under which browsers and agents reach this server.", flag: "access-url", env: "WARREN_ACCESS_URL", yaml: "accessURL", default: "", value: "https://warren.example.com", group: network, value_source: "env" },
  { name: "HTTP Address", description: "Where to listen for plain HTTP.", flag: "http-address", env: "WARREN_HTTP_ADDRESS", default: "127.0.0.1:3000", value: "127.0.0.1:3000", group: network, value_source: "default" },
  { name: "TLS Enable", description: "Whether to serve HTTPS.", flag: "tls-enable", env: "WARREN_TLS_ENABLE", default: "false", value: false, group: tls, value_source: "default" },
  { name: "Session Duration", description: "How long a session lives without use.", flag: "session-duration", env: "WARREN_SESSION_DURATION", default: "24h0m0s", value: 86_400_000_000_000, group: { name: "Sessions" }, value_source: "default" },
  { name: "Postgres Connection URL", description: "A PostgreSQL database instead of the file in the data directory.", flag: "postgres-url", env: "WARREN_PG_CONNECTION_URL", default: "", value: "x", annotations: { secret: "true" }, group: { name: "Database" }, value_source: "flag" },
  { name: "OIDC Email Domain", flag: "oidc-email-domain", env: "WARREN_OIDC_EMAIL_DOMAIN", default: "", value: ["example.com", "example.org"], group: { name: "OIDC" }, value_source: "yaml" },
];
const document = JSON.parse(await readFile(path.join(import.meta.dirname, "../openapi.json"), "utf8"));

export const deploymentRoutes = [
  ["GET", "/api/v2/deployment/config", () => [200, { config: {}, options }]],
  ["GET", "/api/v2/openapi.json", () => [200, document]],
];
