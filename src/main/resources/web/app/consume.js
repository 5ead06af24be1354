// How a consumer gets at what a rotation serves: for each tool what to copy.
import { secretsOf } from './rotations.js';
import { copyButton, html, nothing } from './ui.js';
import { t } from './texts.js';

/** Texts by tool. The token comes from the consumer's own identity, and stands nowhere here. */
function snippets(row) {
  const url = `${location.origin}/api/v2/secret-rotations/postgres-credentials/${row.id}/active`;
  const get = (format) => `curl -fsS -H "Authorization: Bearer $TOKEN" '${url}?format=${format}'`;
  const names = secretsOf(row);
  return [
    ['curl', get('json')],
    ['psql', `psql "$(${get('uri')})"`],
    ['libpq', get('conninfo')],
    ['JDBC', get('jdbc')],
    ['Node', `new pg.Pool({ connectionString: await (await fetch('${url}?format=uri', { headers: { Authorization: \`Bearer \${token}\` } })).text() })`],
    ['Python', `psycopg.connect(urlopen(Request('${url}?format=uri', headers={'Authorization': f'Bearer {token}'})).read().decode())`],
    ['Go', `db, err := sql.Open("postgres", uri) // the body of GET ${url}?format=uri`],
    ['.pgpass', `(umask 077; ${get('pgpass')} > rolewright.pgpass) && export PGPASSFILE=$PWD/rolewright.pgpass`],
    [
      'PgBouncer',
      `# The line of the other role stays: whoever still has its password is let in.
line=$(${get('pgbouncer')})
{ echo "$line"; grep -vF "\${line%\\" \\"*}\\" \\"" userlist.txt || true; } > userlist.new
mv userlist.new userlist.txt && kill -HUP "$(cat pgbouncer.pid)"`,
    ],
    ['Long poll', `curl -fsS -H "Authorization: Bearer $TOKEN" '${url}?waitForVersion=${row.credentialVersion + 1}&timeout=60'`],
    [
      'Infisical CLI',
      `infisical run --domain '${location.origin}/api' --projectId ${row.projectId} --env ${row.environment.slug} --path '${row.folder.path}' -- ./app   # ${names.map((name) => `$${name}`).join(', ')}`,
    ],
    [
      'External Secrets',
      `apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata:
  name: ${row.name}
spec:
  refreshInterval: 1m
  secretStoreRef: {kind: SecretStore, name: rolewright}
  target: {name: ${row.name}}
  # Both with one request: with data, one entry for each, they could be of two versions.
  dataFrom: [{find: {name: {regexp: '^(${names.join('|')})$'}}}]`,
    ],
    [
      'Kubernetes operator',
      `apiVersion: secrets.infisical.com/v1alpha1
kind: InfisicalSecret
metadata:
  name: ${row.name}
spec:
  hostAPI: ${location.origin}/api
  resyncInterval: 60
  authentication:
    universalAuth:
      credentialsRef: {secretName: rolewright-login, secretNamespace: default}
      secretsScope: {projectSlug: SLUG-OF-THE-PROJECT, envSlug: ${row.environment.slug}, secretsPath: '${row.folder.path}', recursive: false}
  managedKubeSecretReferences:
    - {secretName: ${row.name}, secretNamespace: default, creationPolicy: Owner}`,
    ],
  ];
}

export const consume = (row) =>
  row.credentialVersion
    ? html`<section class="card pad stack" aria-labelledby="consume"><h2 id="consume">${t.consume.heading}</h2>
  <p class="muted small">${t.consume.text}</p>
  ${snippets(row).map(([tool, text]) => html`<details><summary>${tool}</summary><div class="codebox"><pre class="code" tabindex="0" aria-label=${tool}>${text}</pre><div>${copyButton(text, tool, t.copy(tool))}</div></div></details>`)}</section>`
    : nothing;
