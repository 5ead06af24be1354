// What the pages offer: every field that can be changed, every format and tool, every type of the audit.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { elements, text, words } from './browser.js';

const { t } = await import('../app/texts.js');
await import('../app/rotation.js');
await import('../app/connection.js');
await import('../app/later.js');
const { TYPES } = await import('../app/audit.js');
const { Problem, session } = await import('../app/api.js');
const { Edit } = await import('../app/asking.js');
const { lastingBody, lastingOf, span } = await import('../app/identities.js');
const { consume } = await import('../app/consume.js');
const read = (file) => readFileSync(new URL(file, import.meta.url), 'utf8');

session.may = () => true;

/** What can be written but not changed, or is another spelling of what the page has. */
const NOT_OFFERED = {
  updatePostgresCredentialsRotation: /^(connectionId|environment|secretPath|strategy|parameters\.(username[12]|rotationStatement))$/, // fixed once it is made
  updatePostgresAppConnection: /^(gatewayId|gatewayPoolId|credentials\.ssl(Enabled|RejectUnauthorized))$/, // refused; said by sslMode
  updateWebhook: /^(isDisabled|eventsFilter\.eventName)$/, // enabled; of the reference's format
  updateIdentity: /^(role|organizationId)$/, // roles; there is one
  updateProject: /^$/,
  updateEnvironment: /^$/,
  updateUniversalAuth: /^accessTokenNumUsesLimit$/, // must be 0
  updateTokenAuth: /^accessTokenNumUsesLimit$/,
  updateKubernetesAuth: /^(tokenReview|gatewayId|kubernetesHost|caCert|allowed|accessTokenNumUsesLimit)/, // who logs in is set by PUT, in words of ours
  updateOidcAuth: /^(claimMetadataMapping|oidcDiscoveryUrl|caCert|bound|accessTokenNumUsesLimit)/,
};

const named = (text) => [...text.matchAll(/`([\w.]+)`/g)].map(([, name]) => name);

/** The fields of an operation's body, from both tables of docs/fields.md. */
function writable(operation) {
  const rows = [...read('../fields.md').matchAll(/^\|.*\|$/gm)].map(([line]) => line.split(' | '));
  return rows.flatMap(([first, second]) => {
    if (first === `| \`${operation}\``) return named(second);
    return second?.startsWith(`\`${operation}\`: `) ? named(second.split(': ')[1]) : [];
  });
}

/** The paths of all controls. */
const offered = (markup) => new Set([...markup.matchAll(/data-path=([\w.]+)|name="f\d+-([\w.]+)"/g)].map(([, path, radio]) => path ?? radio));

const ROTATION = {
  id: 'r',
  name: 'orders',
  description: null,
  isAutoRotationEnabled: true,
  rotationInterval: 30,
  rotateAtUtc: { hours: 2, minutes: 30 },
  nextRotationAt: '2026-12-01T02:30:00Z',
  driftPolicy: 'report',
  strategy: 'dual',
  secretsMapping: { username: 'DB_USER', password: 'DB_PASSWORD' },
  parameters: { username1: 'a', username2: 'b' },
  vaultKv: { mount: 'secret', path: 'orders', lastFailure: 'vault_went_back' },
  takeover: false,
  allowPrivileged: false,
  lookIntervalMinutes: null,
  credentialVersion: 3,
  projectId: 'p',
  environment: { slug: 'production' },
  folder: { path: '/payments' },
};

function part(name, values) {
  const made = Object.create(elements[name].prototype);
  for (const [key, value] of Object.entries(values)) Object.defineProperty(made, key, { value, writable: true });
  made.requestUpdate = () => {};
  return made;
}

/** The dialog in which it is said how long sessions by a method last. */
const lasting = (kind, setting) => () => {
  const made = part('rw-identity', { which: 'i', asked: null, live: { data: {} } });
  const found = { identityAuth: { accessTokenTTL: 600, accessTokenMaxTTL: 3600, accessTokenTrustedIps: [], ...setting }, etag: '"1"' };
  made.edit(`${kind}-sessions`, found, lastingOf);
  return text(made.dialog()).replace(/data-path=(\w+TrustedIps)/g, 'data-path=$1.ipAddress'); // lines
};

/** The dialog in which it is changed, as markup. */
const EDITED = {
  updateUniversalAuth: lasting('universal', { clientSecretTrustedIps: [] }),
  updateTokenAuth: lasting('token'),
  updateKubernetesAuth: lasting('kubernetes'),
  updateOidcAuth: lasting('oidc'),
  updatePostgresCredentialsRotation() {
    const made = part('rw-edit-rotation', { row: ROTATION, etag: '"1"', form: null, before: null, seen: null });
    made.begin();
    return text(made.render());
  },
  updatePostgresAppConnection() {
    const credentials = { host: 'db', port: 5432, database: 'app', username: 'u', sslMode: 'disable' };
    const row = { id: 'c', name: 'orders', credentials, state: 'ok', createdAt: '2026-11-28T08:00:00Z', isAutoRotationEnabled: true };
    return [false, true]
      .map((managed) => {
        const made = part('rw-connection', { which: 'c', form: null, row: null, live: { data: null, age: () => '' }, tab: 'configuration' });
        made.show({ ...row, isPlatformManagedCredentials: managed, rotation: managed ? { interval: 30 } : undefined }, '"1"');
        made.form.values = { ...made.form.values, isPlatformManagedCredentials: true, confirmAnotherServer: true };
        return text(made.render());
      })
      .join('');
  },
  updateWebhook() {
    const row = { id: 'w', name: 'hook', url: 'https://x', events: [], enabled: true };
    const made = part('rw-webhook', { which: 'w', editing: null });
    made.edit({ webhook: row, etag: '"1"' });
    const markup = text(made.editDialog(row));
    return markup.replace(/(?=rotation\.failed)/, 'data-path=events '); // a box for each
  },
  updateIdentity() {
    const row = { id: 'i', name: 'terraform', roles: ['admin'], metadata: [{ key: 'team', value: 'a=b' }], hasDeleteProtection: false };
    const made = part('rw-identity', { which: 'i', asked: null, live: { data: { row } } });
    made.edit('edit', { identity: row, etag: '"1"' }, elements['rw-identity'].valuesOf);
    return text(made.dialog())
      .replace('data-path=role.admin', 'data-path=roles')
      .replace('data-path=metadata', 'data-path=metadata.key data-path=metadata.value'); // lines of key=value
  },
  updateEnvironment() {
    const made = part('rw-project', { which: 'p', live: { data: { row: { id: 'p' } } }, asked: null });
    const edit = new Edit(made, { environment: { name: 'QA', slug: 'qa', position: 1 }, etag: '"1"' }, elements['rw-project'].placeOf);
    made.asked = { kind: 'environment', edit, form: edit.form, chosen: { id: 'e' } };
    return text(made.dialog());
  },
  updateProject() {
    const row = { id: 'p', name: 'Payments', slug: 'payments', description: '', hasDeleteProtection: true };
    const made = part('rw-project', { which: 'p', live: { data: { row, one: { project: row, etag: '"1"' } } }, asked: null });
    made.edit();
    return text(made.dialog());
  },
};

for (const [operation, dialog] of Object.entries(EDITED)) {
  test(`every field of ${operation} that can be changed has a control`, () => {
    const names = writable(operation);
    assert.ok(names.length > 2, `${operation}: ${names}`);
    const markup = dialog();
    const there = offered(markup);
    const missing = names
      .filter((name) => !NOT_OFFERED[operation].test(name))
      .filter((name) => !there.has(name) && !there.has(name.replace(/\.(hours|minutes)$/, '')));
    assert.deepEqual(missing, [], [...there].join(' '));
  });
}

test('the secret with the whole URI is offered for a new rotation, and named wherever the others are', () => {
  const mapping = { username: 'DB_USER', password: 'DB_PASSWORD', uri: 'DATABASE_URL' };
  const values = {
    'secretsMapping.username': 'A',
    'secretsMapping.password': 'B',
    'secretsMapping.uri': ' C ',
    name: '',
    description: '',
    environment: '',
    secretPath: '',
  };
  const wizard = part('rw-wizard', { form: { values, issues: {} }, projects: [], connections: [], parameters: () => ({ username1: 'a' }), labelOf: () => '' });
  assert.ok(offered(text(wizard.mapping())).has('secretsMapping.uri'));
  assert.deepEqual(wizard.body().secretsMapping, { username: 'A', password: 'B', uri: 'C' });
  assert.match(words(text(wizard.review())), /A, B, C/);
  values['secretsMapping.uri'] = '';
  assert.equal(JSON.stringify(wizard.body().secretsMapping), '{"username":"A","password":"B"}');
  assert.match(words(text(wizard.review())), /A, B(?!, )/);

  const row = { ...ROTATION, secretsMapping: mapping };
  assert.match(text(consume(row)), /DB_USER\|DB_PASSWORD\|DATABASE_URL/);
  const page = part('rw-rotation', { row: { ...row, connection: { name: 'orders' }, createdAt: '2026-11-28T08:00:00Z' } });
  assert.match(words(text(page.facts())), /DB_USER, DB_PASSWORD, DATABASE_URL/);
});

test('how long sessions last is shown as it is, and sent as it was changed', () => {
  const anywhere = [
    { ipAddress: '0.0.0.0', type: 'ipv4', prefix: 0 },
    { ipAddress: '::', type: 'ipv6', prefix: 0 },
  ];
  const network = { ipAddress: '10.0.0.0', type: 'ipv4', prefix: 8 };
  const shown = lastingOf({
    identityUniversalAuth: { accessTokenTTL: 7200, accessTokenMaxTTL: 86_400, accessTokenTrustedIps: anywhere, clientSecretTrustedIps: [network] },
  });
  assert.deepEqual(shown, { accessTokenTTL: '7200', accessTokenMaxTTL: '86400', accessTokenTrustedIps: '', clientSecretTrustedIps: '10.0.0.0/8' });
  assert.deepEqual(lastingBody({ accessTokenTTL: '60' }), { accessTokenTTL: 60 });
  assert.deepEqual(lastingBody({ clientSecretTrustedIps: ' ' }), { clientSecretTrustedIps: [{ ipAddress: '0.0.0.0/0' }, { ipAddress: '::/0' }] });
  assert.deepEqual(lastingBody({ accessTokenTrustedIps: '10.0.0.1\n' }), { accessTokenTrustedIps: [{ ipAddress: '10.0.0.1' }] });
  assert.deepEqual([30, 90, 3600, 7200, 86_400].map(span), ['30 seconds', '90 seconds', '1 hour', '2 hours', '1 day']);
});

test('what is edited goes with what was seen; who was overtaken sees by what, and loses nothing', async () => {
  const drawn = { requestUpdate: () => {}, querySelector: () => null, updateComplete: Promise.resolve() };
  const now = { name: 'theirs', text: 'b', etag: '"2"' };
  const edit = new Edit(
    drawn,
    { name: 'was', text: 'b', etag: '"1"' },
    ({ name, text }) => ({ name, text }),
    async () => now,
  );
  edit.form.change('text', 'mine');
  const sent = [];
  const refused = await edit.save(async (seen) => {
    sent.push([seen, edit.changed]);
    throw new Problem(412, { code: 'changed_since_read', message: 'It was changed.' });
  });
  assert.equal(refused, undefined);
  assert.match(words(text(edit.fault())), /name : was “was”, is now “theirs”/);
  assert.deepEqual(edit.form.values, { name: 'theirs', text: 'mine' });
  assert.equal(await edit.save(async (seen) => sent.push([seen, edit.changed])), 2);
  assert.deepEqual(sent, [
    ['"1"', { text: 'mine' }],
    ['"2"', { text: 'mine' }],
  ]);
});

test('each PATCH of a page says what was seen', () => {
  const app = new URL('../app/', import.meta.url);
  const calls = readdirSync(app).flatMap((file) => [...readFileSync(new URL(file, app), 'utf8').matchAll(/\bpatch\((.*)/g)].map(([, rest]) => rest));
  assert.ok(calls.length > 6, calls.join('\n'));
  for (const each of calls) assert.match(each, /, (seen|this\.seen|this\.live\.data\.etag)\)/);
});

test('the audit can be searched for every type, and every kind of subject', () => {
  const types = [...read('../AuditType.java').matchAll(/ = "([a-z-]+)"/g)].map(([, type]) => type);
  assert.ok(types.length > 50);
  assert.deepEqual([...TYPES].sort(), types.sort());
});

test('there is something to copy for each format and each tool', () => {
  const markup = text(consume(ROTATION));
  const formats = [...read('../LoginFormat.java').matchAll(/^ {4}([A-Z]+) \{$/gm)].map(([, name]) => name.toLowerCase());
  assert.deepEqual(formats, ['uri', 'conninfo', 'jdbc', 'pgpass', 'pgbouncer']);
  for (const format of [...formats, 'json']) assert.ok(markup.includes(`format=${format}`), format);
  const tools = [...read('../consuming.md').matchAll(/^### (.*)$/gm)].map(([, tool]) => tool);
  assert.ok(tools.length >= 8, tools.join());
  for (const tool of ['curl', 'psql', 'Java', 'Node', 'Python', 'Go', 'External Secrets', 'operator', 'PgBouncer']) {
    assert.ok(
      tools.some((each) => each.includes(tool)),
      `docs/consuming.md: ${tool}`,
    );
    assert.ok(markup.includes(tool === 'Java' ? 'JDBC' : tool), tool);
  }
  // A name of one version with the password of another would lock its reader out.
  assert.doesNotMatch(markup, /^ *data:/m);
  assert.doesNotMatch(markup, /> userlist\.txt|> ~\/\.pgpass/);
  assert.equal(text(consume({ ...ROTATION, credentialVersion: 0 })), '');
});

/** Forms, which say at once what they could not read; the audit, which is searched. */
const NOT_FOLLOWED = ['rw-new-connection', 'rw-wizard', 'rw-audit'];

test('each page follows what it shows, says how old it is, and can be tried again', () => {
  const app = new URL('../app/', import.meta.url);
  const sources = readdirSync(app).map((file) => readFileSync(new URL(file, app), 'utf8'));
  const views = [...read('../app/app.js').matchAll(/^ {2}\[\/.*<(rw-[\w-]+)/gm)].map(([, name]) => name);
  assert.ok(views.length > 14, views.join());
  for (const view of views.filter((each) => !NOT_FOLLOWED.includes(each))) {
    const source = sources.find((each) => each.includes(`define('${view}'`));
    const [, name] = source.match(`define\\('${view}', (\\w+)\\)`);
    const [, body] = source.match(new RegExp(`^class ${name} .*?\\{(.*?)^\\}`, 'ms'));
    if (body.includes('<rw-table')) continue; // does so itself
    for (const part of ['new Live(', 'live.age()', 'live.fault()']) assert.ok(body.includes(part), `${view}: ${part}`);
  }
});

test('no text speaks to a program', () => {
  const said = (part) => (typeof part === 'string' ? [part] : typeof part === 'function' ? [] : Object.values(part).flatMap(said));
  for (const each of said(t)) assert.doesNotMatch(each, /\b(POST|PATCH|GET) |[a-z]=(true|false)|allowPrivileged|driftPolicy|Retry-After|ROLEWRIGHT_/);
  assert.ok(words(said(t).join(' ')).length > 10_000);
});
