// An application in Node whose pool follows a rotation, without a library for it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import pg from "pg";

const { LOGIN, CLIENT_ID, CLIENT_SECRET, ACTIVE, ROLE1, ROLE2, SSLMODE, OTHER_CA } = process.env;

// -- asking for the credential
let token;
async function ask(url, request) {
  const answer = await fetch(url, { ...request, signal: AbortSignal.timeout(75_000) });
  if (answer.ok) return answer.json();
  if (answer.status === 304) return undefined; // not yet
  if (answer.status === 401 || answer.status === 403) token = undefined; // its time is up
  throw new Error(`${answer.status} ${await answer.text()}`);
}

// What is served, as soon as its version is at least this one. Whatever fails is tried again: the service may be restarted.
async function credential(atLeastVersion) {
  for (;;) {
    try {
      const login = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ clientId: CLIENT_ID, clientSecret: CLIENT_SECRET }) };
      token ??= (await ask(LOGIN, login)).accessToken;
      const served = await ask(`${ACTIVE}?include=ca&waitForVersion=${atLeastVersion}&timeout=60`, { headers: { Authorization: `Bearer ${token}` } });
      if (served) return served;
    } catch (failure) {
      console.error(failure);
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}
// --
// -- a pool of it
const tlsOf = ({ sslMode, caCert }) =>
  sslMode !== "disable" && {
    ca: caCert, // without one Node trusts its own authorities
    rejectUnauthorized: sslMode.startsWith("verify-"),
    ...(sslMode === "verify-ca" && { checkServerIdentity: () => undefined }),
  };
const poolOf = ({ host, port, database, username, password, ...tls }) =>
  new pg.Pool({ host, port, database, user: username, password, ssl: tlsOf(tls), max: 5 });
// --
const who = async (session) => (await session.query("SELECT current_user AS role")).rows[0].role;
const encrypted = async (session) => (await session.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")).rows[0].ssl;

let served = await credential(1);
let pool = poolOf(served);
const atWork = await pool.connect();
assert.equal(await who(atWork), ROLE1);
assert.equal(await encrypted(atWork), SSLMODE !== "disable");
if (SSLMODE === "verify-full") {
  const elsewhere = poolOf({ ...served, caCert: readFileSync(OTHER_CA, "utf8") });
  await assert.rejects(who(elsewhere), /certificate/, "the CA of another server");
  await elsewhere.end();
}
console.log("rotate");
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
assert.equal((await lines.next()).value, "rotated");

// -- changing over: end() waits for the sessions that are at work
served = await credential(served.credentialVersion + 1);
const former = pool;
pool = poolOf(served);
const ended = former.end();
// --
assert.equal(await who(pool), ROLE2);
assert.equal(await who(atWork), ROLE1, "it is not ended under whoever works with it");
atWork.release();
await ended;
await pool.end();
console.log("done");
process.exit(0);
