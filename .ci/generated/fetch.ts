// The same application, written against the client that openapi-generator makes for TypeScript and fetch.
import assert from "node:assert/strict";
import {
  AccessApi, type ApiError, ApiErrorFromJSON, Configuration, CreatePostgresAppConnectionMethodEnum, PostgreSQLConnectionsApi,
  PostgreSQLCredentialsRotationsApi, ResponseError, ValidationErrorFromJSON,
} from "./fetch/index.js";

const env = (name: string): string => process.env[name] ?? assert.fail(`${name} is not set`);
const client = (accessToken?: string) => new Configuration({ basePath: env("SITE_URL"), accessToken });
const login = async (clientId: string, clientSecret: string) =>
  (await new AccessApi(client()).loginWithUniversalAuth({ universalAuthLogin: { clientId, clientSecret } })).accessToken;

async function refused(call: Promise<unknown>): Promise<Response> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof ResponseError, String(error));
    return error.response;
  }
  assert.fail("it was not refused");
}

async function expectError(status: number, code: string | undefined, call: Promise<unknown>): Promise<ApiError> {
  const response = await refused(call);
  assert.equal(response.status, status);
  const error = ApiErrorFromJSON(await response.json());
  assert.equal(error.statusCode, status);
  assert.ok(error.reqId && error.message && error.code);
  if (code) assert.equal(error.code, code);
  return error;
}

const name = env("NAME");
await expectError(401, undefined, login(env("CLIENT_ID"), "wrong"));
await expectError(401, "token_missing", new PostgreSQLConnectionsApi(client()).listAppConnectionOptions());

await expectError(403, "token_invalid", new PostgreSQLConnectionsApi(client("nonsense")).listAppConnectionOptions());

const admin = client(await login(env("CLIENT_ID"), env("CLIENT_SECRET")));
const reader = client(await login(env("READER_ID"), env("READER_SECRET")));
const connections = new PostgreSQLConnectionsApi(admin);
const credentials = {
  host: "127.0.0.1", port: Number(env("PG_PORT")), database: "postgres", username: env("PG_USER"), password: env("PG_PASSWORD"),
  sslEnabled: false,
};
const tested = await connections.testPostgresCredentials({ testPostgresCredentials: { credentials } });
assert.equal(tested.report.ok, true);

const createPostgresAppConnection = { name, method: CreatePostgresAppConnectionMethodEnum.UsernameAndPassword, credentials };
const connection = (await connections.createPostgresAppConnection({ createPostgresAppConnection })).appConnection;
await expectError(400, undefined, connections.createPostgresAppConnection({ createPostgresAppConnection }));
await expectError(403, "permission_denied", new PostgreSQLConnectionsApi(reader).createPostgresAppConnection({ createPostgresAppConnection }));
await expectError(404, "connection_not_found", connections.getPostgresAppConnection({ connectionId: crypto.randomUUID() }));
const invalid = await refused(connections.createPostgresAppConnection({
  createPostgresAppConnection: { ...createPostgresAppConnection, name: `${name}-2`, credentials: { ...credentials, host: "" } },
}));
assert.equal(invalid.status, 422);
assert.deepEqual(ValidationErrorFromJSON(await invalid.json()).message[0]!.path, ["credentials", "host"]);
await expectError(415, undefined, connections.createPostgresAppConnection(
  { createPostgresAppConnection }, { headers: { Authorization: `Bearer ${await admin.accessToken!()}`, "Content-Type": "text/plain" } }));
await expectError(413, "body_too_large", connections.createPostgresAppConnection({
  createPostgresAppConnection: { ...createPostgresAppConnection, description: "x".repeat(400_000) },
}));
const lost = await expectError(504, "rotation_in_doubt", connections.rotatePostgresAppConnection({ connectionId: env("LOSING_CONNECTION") }));
assert.ok(lost.details?.attemptId);

const rotations = new PostgreSQLCredentialsRotationsApi(admin);
const rotationId = (await rotations.createPostgresCredentialsRotation({
  createPostgresCredentialsRotation: {
    name, projectId: env("PROJECT_ID"), connectionId: connection.id, environment: "production", secretPath: `/${name}`,
    rotationInterval: 30, parameters: { username1: env("ROLE1"), username2: env("ROLE2") },
    secretsMapping: { username: "DB_USER", password: "DB_PASSWORD" },
  },
})).secretRotation.id;
await rotations.rotatePostgresCredentials({ rotationId });
await expectError(400, "overlap_not_over", rotations.rotatePostgresCredentials({ rotationId }));
const rotated = await rotations.rotatePostgresCredentials({ rotationId, force: true });
assert.equal(rotated.secretRotation.credentialVersion, 3);
await expectError(429, "rate_limited", (async () => {
  for (let i = 0; i < 70; i++) {
    try {
      await rotations.rotatePostgresCredentials({ rotationId });
    } catch (error: any) {
      if (error.response?.status === 429) throw error;
    }
  }
})());
const active = await rotations.getActivePostgresCredentials({ rotationId });
assert.equal(active.credentialVersion, 3);
assert.equal(active.username, env("ROLE1"));
assert.equal((await rotations.getPostgresGeneratedCredentials({ rotationId })).generatedCredentials.length, 2);
console.log(`login ${active.username} ${active.password}`);

await rotations.deletePostgresCredentialsRotation({ rotationId });
await connections.deletePostgresAppConnection({ connectionId: connection.id });
await expectError(404, "connection_not_found", connections.getPostgresAppConnection({ connectionId: connection.id }));
console.log("done");
