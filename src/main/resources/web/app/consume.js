// How a consumer gets at what a rotation serves: for each tool what to copy.
import { copyButton, html, nothing } from './ui.js';
import { t } from './texts.js';

/** Texts by tool. The token comes from the consumer's own identity, and stands nowhere here. */
function snippets(row) {
  const url = `${location.origin}/api/v2/secret-rotations/postgres-credentials/${row.id}/active`;
  const get = (format) => `curl -fsS -H "Authorization: Bearer $TOKEN" '${url}?format=${format}'`;
  const { username, password } = row.secretsMapping;
  return [
    ['curl', get('json')],
    ['psql', `psql "$(${get('uri')})"`],
    ['JDBC', get('jdbc')],
    ['.pgpass', `${get('pgpass')} > ~/.pgpass && chmod 600 ~/.pgpass`],
    ['PgBouncer', `${get('pgbouncer')} > userlist.txt`],
    ['Long poll', `curl -fsS -H "Authorization: Bearer $TOKEN" '${url}?waitForVersion=${row.credentialVersion + 1}&timeout=60'`],
    [
      'Infisical CLI',
      `infisical run --domain '${location.origin}/api' --projectId ${row.projectId} --env ${row.environment.slug} --path '${row.folder.path}' -- ./app   # $${username}, $${password}`,
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
  data:
    - {secretKey: username, remoteRef: {key: ${username}}}
    - {secretKey: password, remoteRef: {key: ${password}}}`,
    ],
  ];
}

export const consume = (row) =>
  row.credentialVersion
    ? html`<section class="card pad stack" aria-labelledby="consume"><h2 id="consume">${t.consume.heading}</h2>
  <p class="muted small">${t.consume.text}</p>
  ${snippets(row).map(([tool, text]) => html`<details><summary>${tool}</summary><div class="codebox"><pre class="code" tabindex="0" aria-label=${tool}>${text}</pre><div>${copyButton(text, tool, t.copy(tool))}</div></div></details>`)}</section>`
    : nothing;
