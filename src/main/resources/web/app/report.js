// What a test of a login found, step by step, with how to fix what failed.
import { badge, code, html, icon, local, note, nothing } from './ui.js';
import { t } from './texts.js';

/** @param report of the API's test; null while it runs */
export function testReport(report) {
  if (!report) {
    return html`<ul class="steps">${['resolve', 'connect', 'tls', 'login', 'rights'].map(
      (name) => html`
      <li class="idle"><span class="mark">${icon('idle')}</span><span>${t.test.step[name]}</span></li>`,
    )}</ul>`;
  }
  return html`
    <div class="stack">
      ${report.ok ? note('good', t.test.passed, t.test.passedText(report.durationMillis)) : note('bad', t.test.failed(t.test.step[report.failure?.step] ?? ''), t.test.failedText)}
      <ol class="steps">${report.steps.map(step)}</ol>
      ${report.managedRoles.map(role)}
      ${facts(report)}
    </div>`;
}

function step({ name, ok, reason, message, remedy }) {
  const kind = ok === true ? (remedy ? 'warn' : 'good') : ok === false ? 'bad' : 'idle';
  return html`
    <li class=${kind}><span class="mark">${icon(kind)}</span>
      <span><strong>${t.test.step[name]}</strong> <span class="sr">${t.test.outcome[kind]}</span></span>
      <span class="small">${message}${ok === false ? html` <code class="muted">${reason}</code>` : nothing}</span>
      ${remedy ? html`<span class="small"><strong>${t.remedy}</strong> ${remedy}</span>` : nothing}
    </li>`;
}

/** One role whose password might be changed. */
export const role = ({ name, username, rotatable, ok, problems, warnings = [] }) => html`
  <div class="stack tight">
    <div class="row"><strong class="break">${name ?? username}</strong>${(rotatable ?? ok) ? badge('good', t.test.rotatable) : badge('bad', t.test.notRotatable)}</div>
    ${problems.map((each) => html`<p class="small">${t.preflight.hint[each.code] ?? each.message}</p>${each.sql ? code(each.sql.replace(/;?$/, ';')) : nothing}`)}
    ${warnings.map((each) => html`<p class="small">${each.message}</p>`)}
  </div>`;

function facts({ addresses, address, port, tls, server, role: me, roundTripMillis }) {
  const rows = [
    [t.test.address, address ? `${address}, ${t.test.port} ${port}` : addresses?.join(', ')],
    [t.test.server, server && `PostgreSQL ${server.version}${server.standby ? t.test.standby : ''}${server.readOnly ? t.test.readOnly : ''}`],
    [t.test.tls, tls && `${tls.protocol}, ${tls.cipher}`],
    [
      t.test.certificate,
      tls?.certificateSubject && `${tls.certificateSubject}, ${t.test.until(local(tls.certificateNotAfter))}${tls.verified ? '' : t.test.unverified}`,
    ],
    [
      t.test.role,
      me &&
        [
          me.name,
          me.superuser && 'SUPERUSER',
          me.createRole && 'CREATEROLE',
          me.replication && 'REPLICATION',
          me.validUntil && t.test.until(local(me.validUntil)),
        ]
          .filter(Boolean)
          .join(', '),
    ],
    [t.test.proven, me && t.test.proof[me.proof]],
    [t.test.roundTrip, roundTripMillis !== undefined && `${roundTripMillis} ms`],
  ].filter(([, value]) => value);
  return rows.length ? html`<dl class="facts small">${rows.map(([name, value]) => html`<dt>${name}</dt><dd class="break">${value}</dd>`)}</dl>` : nothing;
}
