// The same application, written against the types that openapi-typescript makes, with openapi-fetch.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./rolewright.js";

type ApiError = components["schemas"]["ApiError"];
type ValidationError = components["schemas"]["ValidationError"];
type Refusal = ApiError | ValidationError;

const env = (name: string): string => process.env[name] ?? assert.fail(`${name} is not set`);
const client = (token?: string) =>
  createClient<paths>({ baseUrl: env("SITE_URL"), headers: token ? { Authorization: `Bearer ${token}` } : {} });
const login = (clientId: string, clientSecret: string) =>
  client().POST("/api/v1/auth/universal-auth/login", { body: { clientId, clientSecret } });

function well<T>(answer: { data?: T; response: Response }): T {
  return answer.data ?? assert.fail(`it was refused: ${answer.response.status}`);
}

// That the document says of every refusal which body it has is what the type of the argument asks for.
function refused(answer: { error?: Refusal; response: Response }, status: number, code?: string): Refusal {
  assert.equal(answer.response.status, status);
  const error = answer.error ?? assert.fail("it has no body");
  assert.equal(error.statusCode, status);
  assert.ok(error.reqId && error.message.length > 0 && error.code);
  if (code) assert.equal(error.code, code);
  return error;
}

const name = env("NAME");
refused(await login(env("CLIENT_ID"), "wrong"), 401);
refused(await client().GET("/api/v1/app-connections/options"), 401, "token_missing");
refused(await client("nonsense").GET("/api/v1/app-connections/options"), 403, "token_invalid");

const admin = client(well(await login(env("CLIENT_ID"), env("CLIENT_SECRET"))).accessToken);
const reader = client(well(await login(env("READER_ID"), env("READER_SECRET"))).accessToken);
const credentials = {
  host: "127.0.0.1", port: Number(env("PG_PORT")), database: "postgres", username: env("PG_USER"), password: env("PG_PASSWORD"),
  sslEnabled: false,
};
assert.equal(well(await admin.POST("/api/v1/app-connections/postgres/test", { body: { credentials } })).report.ok, true);

const body = { name, method: "username-and-password" as const, credentials };
const connectionId = well(await admin.POST("/api/v1/app-connections/postgres", { body })).appConnection.id;
const path = { connectionId };
refused(await admin.POST("/api/v1/app-connections/postgres", { body }), 400);
refused(await reader.POST("/api/v1/app-connections/postgres", { body }), 403, "permission_denied");
refused(
  await admin.GET("/api/v1/app-connections/postgres/{connectionId}", { params: { path: { connectionId: crypto.randomUUID() } } }),
  404, "connection_not_found");
const invalid = refused(
  await admin.POST("/api/v1/app-connections/postgres", {
    body: { ...body, name: `${name}-2`, credentials: { ...credentials, host: "" } },
  }),
  422, "validation_failed");
assert.ok(typeof invalid.message !== "string");
assert.deepEqual(invalid.message[0]!.path, ["credentials", "host"]);
refused(await admin.POST("/api/v1/app-connections/postgres", { body, headers: { "Content-Type": "text/plain" } }), 415);
refused(
  await admin.POST("/api/v1/app-connections/postgres", { body: { ...body, description: "x".repeat(400_000) } }), 413, "body_too_large");
const lost = refused(
  await admin.POST("/api/v1/app-connections/postgres/{connectionId}/rotate", {
    params: { path: { connectionId: env("LOSING_CONNECTION") } },
  }),
  504, "rotation_in_doubt");
assert.ok("details" in lost && lost.details?.attemptId);

const rotations = "/api/v2/secret-rotations/postgres-credentials";
const rotationId = well(await admin.POST(rotations, {
  body: {
    name, projectId: env("PROJECT_ID"), connectionId, environment: "production", secretPath: `/${name}`, rotationInterval: 30,
    parameters: { username1: env("ROLE1"), username2: env("ROLE2") },
    secretsMapping: { username: "DB_USER", password: "DB_PASSWORD" },
  },
})).secretRotation.id;
const rotate = (query: { force?: boolean }) =>
  admin.POST(`${rotations}/{rotationId}/rotate-secrets`, { params: { path: { rotationId }, query } });
well(await rotate({}));
refused(await rotate({}), 400, "overlap_not_over");
assert.equal(well(await rotate({ force: true })).secretRotation.credentialVersion, 3);
let limited = await rotate({});
for (let i = 0; i < 70 && limited.response.status !== 429; i++) limited = await rotate({});
refused(limited, 429, "rate_limited");
const active = well(await admin.GET(`${rotations}/{rotationId}/active`, { params: { path: { rotationId } } }));
assert.ok(typeof active === "object");
assert.equal(active.credentialVersion, 3);
assert.equal(active.username, env("ROLE1"));
const both = well(await admin.GET(`${rotations}/{rotationId}/generated-credentials`, { params: { path: { rotationId } } }));
assert.equal(both.generatedCredentials.length, 2);
console.log(`login ${active.username} ${active.password}`);

well(await admin.DELETE(`${rotations}/{rotationId}`, { params: { path: { rotationId } } }));
well(await admin.DELETE("/api/v1/app-connections/postgres/{connectionId}", { params: { path } }));
refused(await admin.GET("/api/v1/app-connections/postgres/{connectionId}", { params: { path } }), 404, "connection_not_found");
console.log("done");
