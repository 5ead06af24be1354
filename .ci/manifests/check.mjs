// Checks rendered manifests: node check.mjs SOURCE-ROOT OVERLAY.yaml… (the first one with every component that is not another edge)
//
// 1. Every object against the schema of its kind (types, required fields), and for fields that no schema knows.
// 2. What a schema cannot say: restricted Pod Security, selectors that match, ports and probe paths that exist, settings
//    that the service reads, nothing secret in an environment, no way to a metadata service, room for a graceful stop; and that what the settings and the edge speak of
//    can be reached: ports through the policies, files through mounts.
// 3. Itself: each of the mistakes at the end of this file, put into the first overlay, must be found.
import { readFileSync, readdirSync, writeFileSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { BlockList } from "node:net";
import { parseAllDocuments } from "yaml";
import ts from "typescript";

const [sourceRoot, ...files] = process.argv.slice(2);
const packages = { "serving.knative.dev": "@kubernetes-models/knative/", "monitoring.coreos.com": "@kubernetes-models/prometheus-operator/", "gateway.networking.k8s.io": "@kubernetes-models/gateway-api/" };
const modelOf = (o) => (packages[o.apiVersion.split("/")[0]] ?? "kubernetes-models/") + `${o.apiVersion}/${o.kind}`;
const nameOf = (o) => `${o.kind} ${o.metadata?.name}`;

/** What may be seen from outside. */
const published = ["/api", "/console"];

/** What the service answers on each port without a token, and so what a probe may ask for. */
const probes = { 9000: ["/q/health/started", "/q/health/live", "/q/health/ready"], 8080: ["/api/status"] };

// ---- 1. Schemas ----

async function againstSchemas(objects) {
  const found = [];
  for (const o of objects) {
    let model;
    try {
      model = (await import(modelOf(o)))[o.kind];
    } catch {
      found.push(`${nameOf(o)}: no schema for ${o.apiVersion} ${o.kind}`);
      continue;
    }
    try {
      new model(o).validate();
    } catch (e) {
      found.push(`${nameOf(o)}: ${e.message}`);
    }
  }
  return found.length ? found : unknownFields(objects);
}

/** The models' own type declarations, as object literals: the compiler refuses a property that a type does not have. */
function unknownFields(objects) {
  const folder = join(process.cwd(), "literals");
  mkdirSync(folder, { recursive: true });
  const paths = objects.map((o, i) => {
    const path = join(folder, `o${i}.ts`);
    writeFileSync(path, `import type { I${o.kind} } from "${modelOf(o)}";\nexport const o: I${o.kind} = ${JSON.stringify(o, null, 1)};\n`);
    return path;
  });
  const program = ts.createProgram(paths, {
    noEmit: true, strict: true, skipLibCheck: true, types: [],
    target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler,
  });
  const found = ts.getPreEmitDiagnostics(program).map((d) => {
    const object = objects[paths.indexOf(d.file?.fileName)];
    return `${object ? nameOf(object) : d.file?.fileName}: ${ts.flattenDiagnosticMessageText(d.messageText, " ")}`;
  });
  rmSync(folder, { recursive: true });
  return found;
}

// ---- 2. What a schema cannot say ----

const podOf = (o) => ({
  Deployment: o.spec?.template, Job: o.spec?.template, CronJob: o.spec?.jobTemplate?.spec?.template,
  Service: o.apiVersion.startsWith("serving.knative.dev") ? o.spec?.template : undefined,
})[o.kind];

function matches(selector, labels = {}) {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return Object.entries(matchLabels).every(([k, v]) => labels[k] === v) &&
    matchExpressions.every((e) => e.operator === "In" && e.values.includes(labels[e.key]));
}

function beyondSchemas(objects) {
  const found = [];
  const must = (holds, o, what) => holds || found.push(`${nameOf(o)}: ${what}`);
  const of = (kind, group) => objects.filter((o) => o.kind === kind && (!group || o.apiVersion.startsWith(group)));
  const pods = objects.filter(podOf).map((o) => ({ owner: o, template: podOf(o) }));
  const selected = (selector) => pods.filter((p) => matches(selector, p.template.metadata?.labels));
  const ports = (p) => p.template.spec.containers.flatMap((c) => c.ports ?? []);
  const hasPort = (p, port) => ports(p).some((c) => c.name === port || c.containerPort === port);

  const seen = new Set();
  const namespaces = of("Namespace").map((n) => n.metadata.name);
  for (const o of objects) {
    const id = `${o.apiVersion} ${nameOf(o)}`;
    must(!seen.has(id), o, "is there twice");
    seen.add(id);
    must(o.kind === "Namespace" || namespaces.includes(o.metadata.namespace), o, "is in a namespace that is not made here");
  }
  for (const n of of("Namespace")) {
    must(n.metadata.labels?.["pod-security.kubernetes.io/enforce"] === "restricted", n, "does not enforce restricted Pod Security");
  }

  for (const { owner, template } of pods) {
    const say = (holds, what) => must(holds, owner, what);
    const { spec } = template;
    restricted(spec, say);
    if (owner.spec.selector) say(matches(owner.spec.selector, template.metadata.labels), "its selector does not match its pods");
    say(spec.automountServiceAccountToken === false, "mounts a token of the Kubernetes API");
    say(of("ServiceAccount").some((a) => a.metadata.name === spec.serviceAccountName), "names no service account that exists");
    for (const c of spec.containers) {
      say(/:[^:]+$|@sha256:/.test(c.image) && !c.image.endsWith(":latest"), `image ${c.image} is not fixed`);
      const heap = (c.args ?? []).map((a) => /^-Xmx(\d+)m$/.exec(a)?.[1]).find(Boolean);
      const limit = /^(\d+)Mi$/.exec(c.resources?.limits?.memory ?? "")?.[1];
      say(limit, "has no memory limit");
      if (c.image.startsWith("rolewright:")) say(heap && Number(heap) * 2 <= Number(limit), "has no -Xmx, or one above half of its memory limit");
      for (const m of c.volumeMounts ?? []) say(spec.volumes?.some((v) => v.name === m.name), `mounts ${m.name}, which is no volume`);
      for (const e of c.envFrom ?? []) {
        say(!e.configMapRef || of("ConfigMap").some((m) => m.metadata.name === e.configMapRef.name), `reads ConfigMap ${e.configMapRef?.name}, which is not made here`);
      }
      for (const e of c.env ?? []) known(e.name, owner, must);
      secretsAreFiles(c, say);
      for (const [kind, probe] of [["startup", c.startupProbe], ["liveness", c.livenessProbe], ["readiness", c.readinessProbe]]) {
        if (!probe) continue;
        const port = c.ports?.find((p) => p.name === probe.httpGet?.port || p.containerPort === probe.httpGet?.port);
        say(port, `${kind} probe asks a port that the container does not have`);
        say(port && probes[port.containerPort]?.includes(probe.httpGet.path), `${kind} probe asks for ${probe.httpGet?.path}, which is not there`);
      }
      if (owner.kind === "Deployment") {
        say(c.livenessProbe && c.readinessProbe && c.startupProbe, "lacks a probe");
        const wait = c.lifecycle?.preStop?.sleep?.seconds ?? 0;
        say(spec.terminationGracePeriodSeconds > wait + shutdownSeconds(), "is killed before a graceful stop can end");
      }
    }
    say(of("NetworkPolicy").some((n) => !Object.keys(n.spec.podSelector).length && n.spec.policyTypes.length === 2), "no policy denies what is not named");
  }
  for (const m of of("ConfigMap")) {
    for (const name of Object.keys(m.data ?? {})) {
      known(name, m, must);
      must(!isSecret(name), m, `sets ${name}, which is a matter for a Secret and a file`);
    }
  }

  for (const s of of("Service", "v1")) {
    const behind = selected({ matchLabels: s.spec.selector });
    must(behind.length === 1, s, `selects ${behind.length} kinds of pods`);
    for (const p of s.spec.ports) must(behind.every((b) => hasPort(b, p.targetPort)), s, `port ${p.name} leads to ${p.targetPort}, which the pods do not have`);
  }
  for (const i of of("Ingress")) {
    const hosts = (i.spec.tls ?? []).flatMap((t) => t.hosts);
    for (const r of i.spec.rules) {
      must(hosts.includes(r.host), i, `serves ${r.host} without TLS`);
      for (const p of r.http.paths) {
        must(published.includes(p.path), i, `publishes ${p.path}`);
        const service = of("Service", "v1").find((s) => s.metadata.name === p.backend.service.name);
        const port = service?.spec.ports.find((x) => x.name === p.backend.service.port.name || x.port === p.backend.service.port.number);
        must(port && port.targetPort !== "management" && port.targetPort !== 9000, i, `${p.path} leads to no port of the API`);
      }
    }
  }
  for (const r of of("HTTPRoute")) {
    for (const rule of r.spec.rules) {
      for (const m of rule.matches) must(published.includes(m.path?.value), r, `publishes ${m.path?.value}`);
      must(/^\d+s$/.test(rule.timeouts?.request ?? "") && parseInt(rule.timeouts.request) > 60, r, "ends a long poll of 60 s before its answer");
      for (const b of rule.backendRefs) {
        const service = of("Service", "v1").find((s) => s.metadata.name === b.name);
        must(service?.spec.ports.some((p) => p.port === b.port && p.targetPort === "http"), r, `leads to port ${b.port}, which is none of the API`);
      }
    }
  }
  found.push(...unreachable(objects, of, pods, hasPort));
  for (const h of of("HorizontalPodAutoscaler")) {
    must(of(h.spec.scaleTargetRef.kind).some((d) => d.metadata.name === h.spec.scaleTargetRef.name && d.spec.replicas === undefined), h, "scales nothing, or what has a fixed number of replicas");
    must(sessionsOf(h, of) <= 97, h, `lets ${sessionsOf(h, of)} sessions to the store be opened, and PostgreSQL takes 97 of its 100 from others than superusers (docs/sizing.md)`);
  }
  for (const b of of("PodDisruptionBudget")) must(selected(b.spec.selector).length === 1, b, "protects no pods");
  for (const n of of("NetworkPolicy")) {
    const concerned = Object.keys(n.spec.podSelector).length ? selected(n.spec.podSelector) : pods;
    must(concerned.length, n, "concerns no pods");
    for (const p of (n.spec.ingress ?? []).flatMap((r) => r.ports ?? [])) {
      must(typeof p.port === "number" || concerned.every((c) => hasPort(c, p.port)), n, `opens port ${p.port}, which the pods do not have`);
    }
    for (const { ipBlock } of (n.spec.egress ?? []).flatMap((r) => r.to ?? []).filter((t) => t.ipBlock)) {
      for (const [address, family] of [["169.254.169.254", "ipv4"], ["100.100.100.200", "ipv4"], ["fd00:ec2::254", "ipv6"]]) {
        must(!covers(ipBlock.cidr, address, family) || (ipBlock.except ?? []).some((e) => covers(e, address, family)), n, `lets pods reach the metadata service at ${address}`);
      }
    }
  }
  for (const r of of("PrometheusRule").filter((x) => x.metadata.annotations?.["rolewright-docs"])) {
    const start = `${r.metadata.annotations["rolewright-docs"]}/runbooks.md#`;
    for (const rule of r.spec.groups.flatMap((g) => g.rules)) must(!rule.alert || rule.annotations.runbook_url.startsWith(start), r, `${rule.alert} leads to ${rule.annotations?.runbook_url}`);
  }
  for (const m of of("ServiceMonitor")) {
    const watched = of("Service", "v1").filter((s) => matches(m.spec.selector, s.metadata.labels));
    must(watched.length === 1, m, `watches ${watched.length} services`);
    for (const e of m.spec.endpoints) must(watched.every((s) => s.spec.ports.some((p) => p.name === e.port)), m, `scrapes port ${e.port}, which the service does not have`);
  }
  return found;
}

/** How many sessions to the store there may be: of all pods during a rollout, and of a Job that migrates and one that prunes. */
function sessionsOf(autoscaler, of) {
  const deployment = of(autoscaler.spec.scaleTargetRef.kind).find((d) => d.metadata.name === autoscaler.spec.scaleTargetRef.name);
  const settings = Object.assign({}, ...of("ConfigMap").map((c) => c.data ?? {}));
  // The pool, the one that shows that the process lives, and the one that looks when the pool is taken (SizingPageTest).
  const each = Number(settings.QUARKUS_DATASOURCE_REACTIVE_MAX_SIZE ?? 20) + 2;
  return (autoscaler.spec.maxReplicas + (deployment?.spec.strategy?.rollingUpdate?.maxSurge ?? 1)) * each + 2 * 2;
}

/** What of a Secret may stand in the environment, which every process of the pod and whoever may look at it can read. */
const open = { "rolewright-store": ["url", "username"], "rolewright-migration": ["username"], "rolewright-bootstrap": ["client-id"] };

/** No variable of a container has what is secret. */
function secretsAreFiles(c, say) {
  for (const e of c.envFrom ?? []) say(!e.secretRef, `has all of the Secret ${e.secretRef?.name} in its environment`);
  for (const e of c.env ?? []) {
    const ref = e.valueFrom?.secretKeyRef;
    say(!ref || open[ref.name]?.includes(ref.key), `has ${ref?.key} of the Secret ${ref?.name} in its environment, as ${e.name}: give it as a file`);
    say(!isSecret(e.name), `sets ${e.name}, which would be in its environment: give it as a file`);
  }
}

const isSecret = (name) => /(PASSWORD|SECRET|SECRET_ID|CLIENT_TOKEN)$/.test(name);

/** What the settings, the Services and the edge speak of, and no policy or mount leads to. */
function unreachable(objects, of, pods, hasPort) {
  const found = [];
  const policies = (p, direction) => of("NetworkPolicy").filter((n) => n.spec.policyTypes.includes(direction) && matches(n.spec.podSelector, p.template.metadata?.labels));
  const out = (p) => policies(p, "Egress").flatMap((n) => n.spec.egress ?? []).flatMap((r) => r.ports ?? []).map((x) => x.port);
  const into = (p) => policies(p, "Ingress").flatMap((n) => n.spec.ingress ?? []);
  for (const p of pods) {
    const say = (holds, what) => holds || found.push(`${nameOf(p.owner)}: ${what}`);
    for (const c of p.template.spec.containers.filter((c) => c.image.startsWith("rolewright:"))) {
      const maps = (c.envFrom ?? []).map((e) => of("ConfigMap").find((m) => m.metadata.name === e.configMapRef?.name)?.data ?? {});
      const given = Object.assign({}, ...maps, Object.fromEntries((c.env ?? []).filter((e) => e.value).map((e) => [e.name, e.value])));
      for (const [name, value] of Object.entries(given)) {
        for (const file of String(value).startsWith("/") ? [value] : []) {
          say((c.volumeMounts ?? []).some((m) => file.startsWith(`${m.mountPath}/`)), `${name} names ${file}, which nothing mounts`);
        }
        const url = /^https?:/.test(value) ? new URL(value) : undefined;
        if (!url) continue;
        const ports = [Number(url.port || (url.protocol === "https:" ? 443 : 80)), ...(url.hostname.startsWith("kubernetes.default.") ? [6443] : [])];
        for (const port of ports) say(out(p).includes(port), `${name} is at port ${port}, to which no policy lets it`);
      }
      say(out(p).includes(5432) && out(p).includes(53), "cannot reach its store");
    }
    if (p.owner.kind !== "Deployment") continue;
    for (const port of p.template.spec.containers.flatMap((c) => c.ports ?? []).map((x) => x.name)) {
      const open = into(p).some((r) => r.from?.length && (r.ports ?? []).some((x) => x.port === port));
      // Without an edge and without readers in the cluster (development), the API is reached by a port-forward, which no policy concerns.
      const wanted = port !== "http" || of("Ingress").length + of("HTTPRoute").length > 0;
      say(open || !wanted, `nobody may reach its port ${port}`);
      say(port !== "http" || !open || wanted, "its API is open to an edge that is not there");
    }
  }
  return found;
}

/** The restricted profile of the Pod Security Standards, as far as its fields go. */
function restricted(spec, say) {
  say(!spec.hostNetwork && !spec.hostPID && !spec.hostIPC, "shares a namespace of the host");
  const allowed = ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"];
  for (const v of spec.volumes ?? []) say(Object.keys(v).every((k) => k === "name" || allowed.includes(k)), `volume ${v.name} is of a kind that is not allowed`);
  for (const c of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    const own = c.securityContext ?? {}, pod = spec.securityContext ?? {};
    say(own.allowPrivilegeEscalation === false, "may gain privileges");
    say(!own.privileged, "is privileged");
    say(own.capabilities?.drop?.includes("ALL") && (own.capabilities.add ?? []).every((a) => a === "NET_BIND_SERVICE"), "keeps capabilities");
    say((own.runAsNonRoot ?? pod.runAsNonRoot) === true && (own.runAsUser ?? pod.runAsUser) > 0, "may run as root");
    say(["RuntimeDefault", "Localhost"].includes((own.seccompProfile ?? pod.seccompProfile)?.type), "runs without a seccomp profile");
    say(own.readOnlyRootFilesystem === true, "can write to its own file system"); // ours, not the profile's
    for (const p of c.ports ?? []) say(!p.hostPort, "opens a port of the host");
  }
}

function covers(cidr, address, family) {
  const [network, bits] = cidr.split("/");
  if (network.includes(":") !== (family === "ipv6")) return false;
  const list = new BlockList();
  list.addSubnet(network, Number(bits), family);
  return list.check(address, family);
}

/** Settings of our own must be declared in some @ConfigMapping, so that a name that nobody reads is found. */
function known(name, o, must) {
  if (!/^(ROLEWRIGHT_|ALLOW_)/.test(name) || name === "ALLOW_INTERNAL_IP_CONNECTIONS") return;
  // A key of a map is the operator's to choose, what stands behind it is not.
  const ofMap = maps.some((m) => name.startsWith(m.prefix) && m.keys.some((k) => name.slice(m.prefix.length).endsWith(`_${k}`)));
  must(settings.has(name) || ofMap, o, `sets ${name}, which the service does not read`);
}

function declaredSettings(folder, names = new Set()) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) declaredSettings(path, names);
    else if (entry.name.endsWith(".java")) {
      const text = readFileSync(path, "utf8");
      const prefix = /@ConfigMapping\(\s*prefix\s*=\s*"([^"]+)"/.exec(text)?.[1];
      if (!prefix) continue;
      if (text.includes("@WithParentName")) names.add(prefix.toUpperCase().replace(/[^A-Z0-9]/g, "_"));
      declaredIn(text, body(text, /^(?:public )?interface \w+ /m), prefix, names);
    }
  }
  return names;
}

/** The methods of one interface are settings; those that answer another interface of the file, or a map of them, are groups. */
function declaredIn(file, text, prefix, names) {
  let own = text;
  for (let inner; (inner = body(own, /\binterface \w+ /)) !== undefined; ) own = own.replace(inner, ";").replace(/\binterface \w+ ;/, "");
  for (const [, explicit, type, method] of own.matchAll(/(?:@WithName\("([^"]+)"\)[^;]*?)?\b([\w<>, .]+) (\w+)\(\);/g)) {
    const name = `${prefix}.${explicit ?? method.replace(/[A-Z]/g, (c) => "-" + c.toLowerCase())}`;
    const upper = name.toUpperCase().replace(/[^A-Z0-9]/g, "_");
    const map = /Map<String, (\w+)>/.exec(type);
    const group = body(file, new RegExp(`\\binterface ${map?.[1] ?? type.trim().split(" ").at(-1)} `));
    names.add(map ? `${upper}_` : upper);
    if (group && map) {
      const keys = new Set();
      declaredIn(file, group, "map", keys);
      maps.push({ prefix: `${upper}_`, keys: [...keys].map((k) => k.slice("MAP_".length)) });
    } else if (group) {
      declaredIn(file, group, name, names);
    }
  }
}

/** What stands in braces behind the first match, braces included. */
function body(text, head) {
  const match = head.exec(text);
  if (!match) return undefined;
  const start = text.indexOf("{", match.index);
  for (let i = start, depth = 0; i < text.length; i++) {
    if (text[i] === "{") depth++;
    if (text[i] === "}" && --depth === 0) return text.slice(start, i + 1);
  }
  return undefined;
}

function shutdownSeconds() {
  return Number(/^quarkus\.shutdown\.timeout=(\d+)s$/m.exec(properties)?.[1] ?? NaN);
}

// ---- 3. Mistakes that must be found ----

const mistakes = {
  "a misspelt field": (o) => { container(o).readinesProbe = container(o).readinessProbe; },
  "a number as a string": (o) => { container(o).ports[0].containerPort = "8080"; },
  "a writable root": (o) => { delete container(o).securityContext.readOnlyRootFilesystem; },
  "a root user": (o) => { pod(o).securityContext.runAsUser = 0; },
  "kept capabilities": (o) => { container(o).securityContext.capabilities.drop = []; },
  "a host path": (o) => { pod(o).volumes.push({ name: "host", hostPath: { path: "/" } }); },
  "a selector that selects nothing": (o) => { one(o, "Service").spec.selector = { app: "nobody" }; },
  "a probe path that is not there": (o) => { container(o).livenessProbe.httpGet.path = "/health"; },
  "a probe port that is not there": (o) => { container(o).livenessProbe.httpGet.port = "admin"; },
  "a setting that nobody reads": (o) => { one(o, "ConfigMap").data.ROLEWRIGHT_TARGET_ALOWED_NETWORKS = ""; },
  "a setting of an issuer that nobody reads": (o) => { o.find((x) => x.metadata.name === "rolewright-issuers").data.ROLEWRIGHT_ACCESS_ISSUERS_CLUSTER_CA = ""; },
  "a stop that is too short": (o) => { pod(o).terminationGracePeriodSeconds = 10; },
  "an image without a tag": (o) => { container(o).image = "rolewright"; },
  "a way to the metadata service": (o) => { policy(o).spec.egress[1].to[0].ipBlock.except = []; },
  "no heap bound": (o) => { container(o).args = []; },
  "an edge that is not let in": (o) => { drop(o, "rolewright-from-ingress"); },
  "readers in the cluster that are not let in": (o) => { drop(o, "rolewright-from-clients"); },
  "a monitoring system that is not let in": (o) => { o.find((x) => x.kind === "NetworkPolicy" && x.metadata.name === "rolewright").spec.ingress = []; },
  "no way to Vault": (o) => { drop(o, "rolewright-to-vault"); },
  "no way to the API server": (o) => { drop(o, "rolewright-to-api-server"); },
  "an alert that leads nowhere": (o) => { one(o, "PrometheusRule").spec.groups[0].rules[0].annotations.runbook_url = "https://rolewright.example.com/docs/runbooks.md#x"; },
  "more pods than the store has sessions for": (o) => { one(o, "HorizontalPodAutoscaler").spec.maxReplicas = 6; },
  "no way to the store for what prunes": (o) => { drop(o, "rolewright-prune-audit"); },
  "a file that nothing mounts": (o) => { container(o).volumeMounts = container(o).volumeMounts.filter((m) => m.name !== "store-ca"); },
  "a password in the environment": (o) => { container(o).env.push({ name: "QUARKUS_DATASOURCE_USERNAME", valueFrom: { secretKeyRef: { name: "rolewright-store", key: "password" } } }); },
  "a secret in the environment": (o) => { container(o).env.push({ name: "ROLEWRIGHT_BOOTSTRAP_CLIENT_SECRET", value: "x" }); },
  "a Secret that is all in the environment": (o) => { container(o).envFrom.push({ secretRef: { name: "rolewright-store" } }); },
  "a password in a ConfigMap": (o) => { one(o, "ConfigMap").data.QUARKUS_DATASOURCE_PASSWORD = "x"; },
  "a path that is nobody's business": (o) => { one(o, "Ingress").spec.rules[0].http.paths[0].path = "/q"; },
};
const one = (objects, kind) => objects.find((o) => o.kind === kind);
const pod = (objects) => one(objects, "Deployment").spec.template.spec;
const container = (objects) => pod(objects).containers[0];
const drop = (objects, policyName) => objects.splice(objects.findIndex((o) => o.kind === "NetworkPolicy" && o.metadata.name === policyName), 1);
const policy = (objects) => objects.find((o) => o.metadata.name === "rolewright-egress");

// ---- Run ----

const maps = [];
const settings = declaredSettings(join(sourceRoot, "src/main/java"));
const properties = readFileSync(join(sourceRoot, "src/main/resources/application.properties"), "utf8");
let wrong = 0, before;
const read = (file) => parseAllDocuments(readFileSync(file, "utf8"), { schema: "yaml-1.1" }).map((d) => {
  if (d.errors.length) throw d.errors[0];
  return d.toJS();
}).filter(Boolean);
const check = async (objects) => [...(await againstSchemas(objects)), ...beyondSchemas(objects)];
// What users copy into namespaces of their own.
const checkExample = async (objects) => {
  const found = await againstSchemas(objects);
  for (const o of objects.filter((o) => o.kind === "Pod")) {
    restricted(o.spec, (holds, what) => holds || found.push(`${nameOf(o)}: ${what}`));
    if (o.spec.automountServiceAccountToken !== false) found.push(`${nameOf(o)}: mounts a token of the Kubernetes API`);
  }
  return found;
};

for (const file of files) {
  const objects = read(file);
  const found = await (file.startsWith("example-") ? checkExample : check)(objects);
  console.log(`${file}: ${objects.length} objects, ${found.length} mistakes`);
  for (const f of found) console.log(`  ${f}`);
  wrong += found.length;
  before ??= found.length;
}
for (const page of ["README.md", "kubernetes/README.md"]) {
  for (const [name] of readFileSync(join(sourceRoot, page), "utf8").matchAll(/\bROLEWRIGHT_[A-Z_]+\b/g)) {
    if (settings.has(name)) continue;
    console.log(`${page} speaks of ${name}, which the service does not read`);
    wrong++;
  }
}
for (const [what, make] of Object.entries(mistakes)) {
  const objects = read(files[0]);
  make(objects);
  if ((await check(objects)).length <= before) {
console.log(`not found when put in on purpose: ${what}`);
    wrong++;
  }
}
console.log(`${Object.keys(mistakes).length} mistakes put in on purpose were looked for`);
process.exit(wrong ? 1 : 0);
