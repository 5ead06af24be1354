// Stands in for a cluster behind the commands of docs/quickstart-kubernetes.md: `node kubectl.mjs ARGUMENTS` does with the real service, the
// real PostgreSQL and the real manifests what a cluster would do with them. Objects are made by the real kubectl (--dry-run=client) and kept
// in $QUICKSTART; `apply -k` renders the overlay and starts the executable with what its Deployment says; `apply -f` runs the containers
// of a pod as processes. A command that it does not know ends with 2, so that the page cannot say what is not run.
import { execFileSync, spawn } from "node:child_process";
import { createPrivateKey, createPublicKey, sign } from "node:crypto";
import { existsSync, mkdirSync, openSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { dirname, join, resolve } from "node:path";
import { parseAllDocuments } from "yaml";

const state = process.env.QUICKSTART, ports = JSON.parse(readFileSync(join(state, "ports.json"), "utf8"));
const issuer = "https://kubernetes.default.svc.cluster.local";
const b64 = (x) => Buffer.from(typeof x === "string" ? x : JSON.stringify(x)).toString("base64url");
const keep = (o, namespace) => writeFileSync(join(state, `${namespace ?? o.metadata.namespace ?? ""}.${o.kind}.${o.metadata.name}.json`), JSON.stringify(o));
const kept = (kind, name, namespace) => JSON.parse(readFileSync(join(state, `${namespace}.${kind}.${name}.json`), "utf8"));
const texts = (o) => Object.fromEntries([...Object.entries(o.data ?? {}).map(([k, v]) => [k, o.kind === "Secret" ? Buffer.from(v, "base64") : v]), ...Object.entries(o.stringData ?? {})]);
const documents = (text) => parseAllDocuments(text).map((d) => d.toJS()).filter(Boolean);

/** A token of a service account, as the cluster's API server signs it. */
function tokenOf(namespace, name, audience) {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, aud: [audience], sub: `system:serviceaccount:${namespace}:${name}`, iat: now, nbf: now, exp: now + 600,
    "kubernetes.io": { namespace, serviceaccount: { name, uid: "3f1c" } } };
  const signed = `${b64({ alg: "RS256", kid: "quickstart", typ: "JWT" })}.${b64(claims)}`;
  return `${signed}.${sign("sha256", Buffer.from(signed), createPrivateKey(readFileSync(join(state, "issuer.key")))).toString("base64url")}`;
}

/** The API server's two pages for those who check such tokens. */
function serveIssuer() {
  const key = readFileSync(join(state, "issuer.key"));
  const jwk = { ...createPublicKey(key).export({ format: "jwk" }), kid: "quickstart", use: "sig", alg: "RS256" };
  createServer({ key, cert: readFileSync(join(state, "issuer.crt")) }, (request, response) => {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(request.url === "/keys" ? { keys: [jwk] } : { issuer, jwks_uri: `https://localhost:${ports.issuer}/keys` }));
  }).listen(ports.issuer, "127.0.0.1");
}

/** Makes the volumes of a pod as folders, and gives back a function that leads paths of its containers there. */
function volumes(spec, namespace, serviceAccount) {
  const places = {};
  for (const v of spec.volumes ?? []) {
    const folder = join(state, "volumes", `${namespace}-${v.name}`);
    mkdirSync(folder, { recursive: true });
    places[v.name] = folder;
    const write = (entries) => Object.entries(entries).forEach(([file, text]) => writeFileSync(join(folder, file), text, { mode: 0o600 }));
    if (v.secret) {
      const all = Object.entries(texts(kept("Secret", v.secret.secretName, namespace)));
      write(Object.fromEntries(all.filter(([key]) => !v.secret.items || v.secret.items.some((i) => i.key === key && i.path === key))));
    }
    if (v.configMap) write(texts(kept("ConfigMap", v.configMap.name, namespace)));
    for (const s of v.projected?.sources ?? []) {
      if (s.serviceAccountToken) write({ [s.serviceAccountToken.path]: tokenOf(namespace, serviceAccount, s.serviceAccountToken.audience ?? issuer) });
      // Which every namespace of a cluster has.
      if (s.configMap?.name === "kube-root-ca.crt") write({ "ca.crt": readFileSync(join(state, "issuer.crt"), "utf8") });
    }
  }
  const quoted = (path) => path.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return (container) => {
    const mounts = Object.fromEntries((container.volumeMounts ?? []).map((m) => [m.mountPath, places[m.name]]));
    const any = new RegExp(`(?<![\\w/])(${Object.keys(mounts).map(quoted).join("|")})/`, "g");
    return (text) => (text === undefined ? "" : String(text).replace(any, (_, path) => `${mounts[path]}/`));
  };
}

function environment(container, namespace, lead) {
  const env = {};
  for (const from of container.envFrom ?? []) Object.assign(env, texts(kept("ConfigMap", from.configMapRef.name, namespace)));
  for (const e of container.env ?? []) {
    const ref = e.valueFrom?.secretKeyRef ?? e.valueFrom?.configMapKeyRef;
    env[e.name] = ref ? String(texts(kept(e.valueFrom.secretKeyRef ? "Secret" : "ConfigMap", ref.name, namespace))[ref.key]) : e.value;
  }
  return Object.fromEntries(Object.entries(env).map(([k, v]) => [k, lead(v)]));
}

function start(log, command, args, env) {
  const out = openSync(join(state, log), "a");
  const child = spawn(command, args, { env: { PATH: process.env.PATH, ...env }, stdio: ["ignore", out, out], detached: true });
  writeFileSync(join(state, "pids"), `${child.pid}\n`, { flag: "a" });
  child.unref();
}

function serve(deployment, namespace) {
  const spec = deployment.spec.template.spec, container = spec.containers[0];
  const env = environment(container, namespace, volumes(spec, namespace, spec.serviceAccountName)(container));
  Object.assign(env, { QUARKUS_HTTP_PORT: ports.http, QUARKUS_HTTP_SSL_PORT: ports.https, QUARKUS_MANAGEMENT_PORT: ports.management,
    ROLEWRIGHT_ACCESS_ISSUERS_CLUSTER_URL: `https://localhost:${ports.issuer}` });
  const target = resolve("target"), runner = readdirSync(target).find((f) => /^rolewright-.*-runner$/.test(f));
  const [program, ...args] = runner
    ? [join(target, runner), ...container.args]
    : ["java", ...container.args.filter((a) => a !== "-Xmx160m" && a !== "-Xmn8m"), "-Xmx400m", "-jar", join(target, "quarkus-app/quarkus-run.jar")];
  start("service.log", program, args, env);
  // What `kubectl exec` would be: the commands of the executable, with the settings of the pod.
  const quoted = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;
  writeFileSync(join(state, "bin/rolewright"), `#!/bin/sh\nexec env ${Object.entries(env).map(([k, v]) => quoted(`${k}=${v}`)).join(" ")} ${[program, ...args].map(quoted).join(" ")} "$@"\n`, { mode: 0o700 });
}

function runPod(pod, namespace) {
  const lead = volumes(pod.spec, namespace, pod.spec.serviceAccountName ?? "default");
  // The name of the Service, and its port, lead to the process that stands for its pods.
  writeFileSync(join(state, ".curlrc"), `connect-to = "rolewright.rolewright-development.svc:443:localhost:${ports.https}"\n`);
  const command = (c) => {
    const [program, ...args] = c.command.map(lead(c));
    const scripts = args.filter((a) => a.endsWith(".sh") && existsSync(a));
    for (const s of scripts) writeFileSync(s, lead(c)(readFileSync(s, "utf8")));
    return [program, args, { ...environment(c, namespace, lead(c)), CURL_HOME: state, HOME: state }];
  };
  for (const c of pod.spec.initContainers) {
    const [program, args, env] = command(c);
    if (c.restartPolicy === "Always") start(`${c.name}.log`, program, args, env);
    else execFileSync(program, args, { env: { PATH: process.env.PATH, ...env }, stdio: "inherit", timeout: 30_000 });
  }
  for (const c of pod.spec.containers) start("pod.log", ...command(c));
}

async function settled(what, until) {
  for (let i = 0; i < 300; i++) {
    if (await until().catch(() => false)) return;
    await new Promise((done) => setTimeout(done, 200));
  }
  throw new Error(`${what} in a minute`);
}

const args = process.argv.slice(2);
const at = args.indexOf("-n"), namespace = at < 0 ? undefined : args.splice(at, 2)[1];
const real = (...more) => execFileSync(process.env.REAL_KUBECTL, more, { encoding: "utf8" });
const words = args.join(" ");
if (words === "serve-issuer") {
  serveIssuer();
} else if (words.startsWith("create ")) {
  const made = JSON.parse(real(...args, "--dry-run=client", "-o", "json"));
  keep(made, namespace);
  console.log(`${made.kind} ${made.metadata.name} created`);
} else if (/^label namespace \S+ \S+=\S+$/.test(words)) {
  console.log("labelled");
} else if (/^apply -k \S+$/.test(words)) {
  const objects = documents(real("kustomize", args[2]));
  objects.forEach((o) => keep(o));
  const deployment = objects.find((o) => o.kind === "Deployment");
  serve(deployment, deployment.metadata.namespace);
} else if (/^rollout status deployment\/rolewright$/.test(words)) {
  await settled("The service is not ready", async () => (await fetch(`http://localhost:${ports.management}/q/health/ready`)).ok);
} else if (/^port-forward service\/rolewright 8080:80$/.test(words)) {
  // The page's port 8080 is this service's already.
} else if (words === "get --raw /.well-known/openid-configuration") {
  console.log(JSON.stringify({ issuer }));
} else if (/^apply -f \S+$/.test(words)) {
  const objects = documents(readFileSync(args[2], "utf8"));
  objects.filter((o) => o.kind !== "Pod").forEach((o) => keep(o, namespace));
  objects.filter((o) => o.kind === "Pod").forEach((o) => runPod(o, namespace));
} else if (/^logs pod\/reader (--follow|--tail=2)$/.test(words)) {
  const lines = existsSync(join(state, "pod.log")) ? readFileSync(join(state, "pod.log"), "utf8").trimEnd().split("\n") : [];
  console.log(lines.slice(-2).join("\n"));
} else {
  console.error(`kubectl stand-in (${dirname(process.argv[1])}): does not know: ${words}`);
  process.exit(2);
}
