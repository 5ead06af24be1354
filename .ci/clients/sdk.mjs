// An application that takes its database password from the service through Infisical's own SDK, and logs in with it. It says what it
// wants done (`rotate`) on its output, waits for a line on its input, and ends with 0 if everything was as it should be.
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { InfisicalSDK } from "@infisical/sdk";
import pg from "pg";

const { SITE_URL, CLIENT_ID, CLIENT_SECRET, PROJECT_ID, SECRET_PATH, PG_PORT } = process.env;
const place = { projectId: PROJECT_ID, environment: "production", secretPath: SECRET_PATH };

const sdk = new InfisicalSDK({ siteUrl: SITE_URL });
await sdk.auth().universalAuth.login({ clientId: CLIENT_ID, clientSecret: CLIENT_SECRET });

async function list() {
  const { secrets } = await sdk.secrets().listSecrets(place);
  assert.deepEqual(secrets.map((secret) => secret.secretKey), ["DB_USER", "DB_PASSWORD"]);
  for (const secret of secrets) {
    assert.equal(secret.isRotatedSecret, true);
    const same = await sdk.secrets().getSecret({ ...place, secretName: secret.secretKey });
    assert.equal(same.secretValue, secret.secretValue);
    assert.equal(same.rotationId, secret.rotationId);
  }
  return { version: secrets[0].version, user: secrets[0].secretValue, password: secrets[1].secretValue };
}

/** What the server says who it is that logs in so. */
async function login({ user, password }) {
  const client = new pg.Client({ host: "127.0.0.1", port: Number(PG_PORT), database: "postgres", user, password });
  await client.connect();
  try {
    return (await client.query("SELECT current_user AS role")).rows[0].role;
  } finally {
    await client.end();
  }
}

async function refused(what) {
  return assert.rejects(what, (error) => { refused.said = String(error.message); return true; }).then(() => refused.said);
}

const before = await list();
assert.equal(before.version, 1);
assert.equal(await login(before), before.user);

console.log("rotate");
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
assert.equal((await lines.next()).value, "rotated");

const after = await list();
assert.equal(after.version, 2);
assert.notEqual(after.user, before.user);
assert.notEqual(after.password, before.password);
assert.equal(await login(after), after.user);
assert.equal(await login(before), before.user, "who has not fetched the new one yet still gets in");

await sdk.auth().universalAuth.renew();
assert.equal((await list()).password, after.password);

assert.match(await refused(sdk.secrets().getSecret({ ...place, secretName: "ABSENT" })), /StatusCode=404/);
assert.match(
  await refused(sdk.secrets().updateSecret("DB_PASSWORD", { ...place, secretValue: "mine" })),
  /StatusCode=405.*secretsMapping/s,
);
assert.match(
  await refused(sdk.secrets().listSecrets({ ...place, projectId: "00000000-0000-4000-8000-000000000000" })),
  /StatusCode=403/,
);
const stranger = new InfisicalSDK({ siteUrl: SITE_URL });
assert.match(
  await refused(stranger.auth().universalAuth.login({ clientId: CLIENT_ID, clientSecret: "wrong" })),
  /StatusCode=40[013]/,
);
console.log("done");
process.exit(0);
