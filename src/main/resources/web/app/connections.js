// The list of connections, and the dialogs that a row leads to.
import { CONNECTIONS, OnceKey, Problem, get, post, projects, remove, session } from './api.js';
import { link } from './router.js';
import { testReport } from './report.js';
import { Form, Part, badge, copy, empty, fault, head, html, icon, loading, menu, modal, note, nothing, say, spinner, toggle, when } from './ui.js';
import { t } from './texts.js';
import './table.js';

export const place = ({ host, port, database }) => `${host.includes(':') ? `[${host}]` : host}:${port}/${database}`;

export const tlsBadge = ({ sslMode }) => badge({ disable: 'warn', require: 'warn' }[sslMode] ?? 'good', t.tls.short[sslMode], t.tls.mode[sslMode]);

export const stateBadge = ({ state, stateReason }) => (state === 'ok' ? nothing : badge(state === 'in_doubt' ? 'warn' : 'bad', t.state[state], stateReason));

/** The worst first; the same words and order as the service has for `status=`. */
const ORDER = ['in_doubt', 'parked', 'failed', 'overdue', 'test_failed', 'ok'];
/** How the last login went, and when. */
const lastTest = ({ lastTest: last }) =>
  last
    ? html`${last.ok ? badge('good', t.connections.passed) : badge('bad', t.connections.failed, last.reason)} <span class="small muted">${when(last.at)}</span>`
    : html`<span class="muted">–</span>`;

/** Adds the filter of projects to a list, and what it offers as soon as that is known. */
export async function byProject(part, more = []) {
  const others = part.filters;
  const offer = (found) => (part.filters = [...others, { key: 'project', label: t.connections.anyProject, options: [...more, ...found] }]);
  try {
    offer([]); // in its place from the beginning
    offer((await projects()).map((each) => [each.id, each.name]));
    part.requestUpdate();
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem; // the list itself says what is wrong
  }
}

class Connections extends Part {
  static properties = { asked: { state: true } };

  constructor() {
    super();
    const may = (right, row) => session.may(`${right}:app-connections`, row.projectId ?? undefined);
    this.columns = [
      {
        key: 'name',
        label: t.connections.name,
        width: '18%',
        sort: true,
        cell: (row) => html`
<a class="cell-main" href=${link(`connections/${row.id}`)} title=${row.name}>${row.name}</a>${row.description ? html` <span class="small muted" title=${row.description}>${row.description}</span>` : nothing}`,
      },
      {
        key: 'project',
        label: t.connections.project,
        width: '10%',
        sort: true,
        cell: (row) =>
          row.project
            ? html`<span title=${row.project.name}>${row.project.name}</span>`
            : html`<span class="muted" title=${t.organisation}>${t.organisation}</span>`,
      },
      {
        key: 'place',
        label: t.connections.where,
        width: '22%',
        sort: true,
        cell: (row) => html`<span class="mono" title=${place(row.credentials)}>${place(row.credentials)}</span>`,
      },
      {
        key: 'username',
        label: t.connection.username,
        width: '12%',
        cell: (row) => html`<span class="mono" title=${row.credentials.username}>${row.credentials.username}</span>`,
      },
      { key: 'tls', label: t.connections.tls, width: '9%', cell: (row) => tlsBadge(row.credentials) },
      {
        key: 'status',
        label: t.connections.state,
        width: '12%',
        sort: true,
        cell: (row) =>
          html`<div class="row">${row.isPlatformManagedCredentials ? badge('info', t.connections.managed, t.connections.managedLong) : nothing}${stateBadge(row)}${row.isPlatformManagedCredentials || row.state !== 'ok' ? nothing : html`<span class="muted">–</span>`}</div>`,
      },
      {
        key: 'tested',
        label: t.connections.lastTest,
        width: '17%',
        sort: true,
        cell: lastTest,
      },
      {
        key: 'actions',
        label: t.actions,
        width: 48,
        cell: (row) =>
          menu(t.connections.actionsOf(row.name), [
            { text: t.connections.open, act: () => this.querySelector(`a[href="${link(`connections/${row.id}`)}"]`).click() },
            { text: t.connections.copyId, act: () => copy(row.id, t.connections.id) },
            may('test', row) && { text: t.connections.test, act: () => this.test(row) },
            may('delete', row) && { text: t.connections.delete, danger: true, act: () => (this.asked = { delete: row }) },
          ]),
      },
    ];
    this.filters = [
      { key: 'tls', label: t.connections.anyTls, options: Object.entries(t.tls.short) },
      {
        key: 'status',
        label: t.rotations.anyStatus,
        options: ORDER.map((each) => [each, t.connections.status[each]]),
      },
      {
        key: 'managed',
        label: t.connections.anyManaged,
        options: [
          ['yes', t.connections.managed],
          ['no', t.connections.notManaged],
        ],
      },
    ];
    this.source = async ({ q, sort, offset, limit, status, tls, managed, project }, signal) => {
      const answer = await get(
        CONNECTIONS,
        {
          search: q,
          sort,
          offset,
          limit,
          status,
          sslMode: tls,
          managed: managed && String(managed === 'yes'),
          projectId: project === '-' ? 'organisation' : project,
        },
        signal,
      );
      return { rows: answer.appConnections, count: answer.totalCount };
    };
    byProject(this, [['-', t.organisation]]);
    const managed = (row) => row.isPlatformManagedCredentials && may('rotate', row);
    this.bulk = [
      { text: t.connections.test, may: (row) => may('test', row), act: (row) => this.tried(row) },
      { text: t.rotation.verify, may: managed, act: (row) => post(`${CONNECTIONS}/${row.id}/verify`) },
      {
        text: t.rotation.rotate,
        may: managed,
        ask: (rows) => t.bulk.rotateManaged(rows.length),
        act: (row) => post(`${CONNECTIONS}/${row.id}/rotate`, undefined, { key: new OnceKey().for(row.id) }),
      },
    ];
    this.linkOf = (row) => link(`connections/${row.id}`);
  }

  /** A test of many that fails is one that failed: the report's reason is said in its place. */
  async tried(row) {
    const { report } = await post(`${CONNECTIONS}/${row.id}/test`, {});
    if (!report.ok) throw new Problem(400, { code: report.failure?.reason ?? 'connection_test_failed', message: report.failure?.message ?? '' });
  }

  async test(row) {
    this.asked = { test: row };
    try {
      const { report } = await post(`${CONNECTIONS}/${row.id}/test`, {});
      if (this.asked?.test === row) this.asked = { test: row, report };
      this.querySelector('rw-table').refresh();
    } catch (problem) {
      if (this.asked?.test === row) this.asked = { test: row, problem };
    }
  }

  render() {
    const add = session.may('create:app-connections')
      ? html`<a class="button primary" href=${link('connections/new')}>${icon('add')}${t.connections.add}</a>`
      : nothing;
    return html`
      ${head(t.connections.heading, t.connections.text, { actions: add })}
      <rw-table .label=${t.connections.heading} .columns=${this.columns} .filters=${this.filters} .source=${this.source} .order=${'status'} .linkOf=${this.linkOf}
        .bulk=${session.may('test:app-connections') || session.may('rotate:app-connections') ? this.bulk : []}
        .nothingYet=${empty('connections', t.connections.none, t.connections.noneText, add)}></rw-table>
      ${this.asked?.test ? this.tested() : nothing}
      ${
        this.asked?.delete
          ? html`<rw-delete-connection .row=${this.asked.delete} @dismiss=${() => (this.asked = null)} @deleted=${() => {
              this.asked = null;
              this.querySelector('rw-table').refresh();
            }}></rw-delete-connection>`
          : nothing
      }`;
  }

  tested() {
    const { test, report, problem } = this.asked;
    const close = () => (this.asked = null);
    return modal(
      t.test.of(test.name),
      html`
      ${problem ? fault(problem) : report ? testReport(report) : html`<p class="row" role="status">${spinner()}${t.test.running}</p>${testReport(null)}`}
      <div class="actions"><a class="button" href=${link(`connections/${test.id}`)}>${t.connections.open}</a><button class="primary" @click=${close}>${t.close}</button></div>`,
      close,
    );
  }
}
customElements.define('rw-connections', Connections);

/** Says what still uses the connection and what would go with it, before it goes. */
class DeleteConnection extends Part {
  static properties = { row: {}, uses: { state: true }, problem: { state: true } };
  form = new Form(this, { discard: false });

  async connectedCallback() {
    super.connectedCallback();
    try {
      this.uses = (await get(`${CONNECTIONS}/${this.row.id}/usage`)).usage;
    } catch (problem) {
      this.problem = problem;
    }
  }

  dismiss = () => this.dispatchEvent(new Event('dismiss'));

  delete = async () => {
    if (!(await this.form.submit(() => remove(`${CONNECTIONS}/${this.row.id}`, { discardManagedPassword: this.form.values.discard || undefined })))) return;
    say(t.connections.deleted(this.row.name));
    this.dispatchEvent(new Event('deleted'));
  };

  render() {
    const managed = this.row.isPlatformManagedCredentials;
    const used = this.uses?.length > 0;
    return modal(
      t.connections.deleteOf(this.row.name),
      html`
      ${fault(this.problem ?? this.form.problem)}
      ${this.uses || this.problem ? nothing : loading()}
      ${
        used
          ? note(
              'warn',
              t.connections.inUse(this.uses.length),
              t.connections.inUseText,
              html`<ul class="uses">${this.uses.slice(0, 10).map(
                (use) => html`
        <li class="break">${use.kind === 'rotation' ? html`<a href=${link(`rotations/${use.id}`)}>${use.name}</a>` : use.name} <span class="muted">(${use.kind})</span></li>`,
              )}</ul>${this.uses.length > 10 ? html`<p class="small">${t.table.count(10, this.uses.length)}. <a href=${link(`rotations?q=${encodeURIComponent(this.row.name)}`)}>${t.connections.allUses}</a></p>` : nothing}`,
            )
          : nothing
      }
      ${this.uses && !used ? html`<p>${t.connections.deleteText(this.row.credentials.username, place(this.row.credentials))}</p>` : nothing}
      ${this.uses && !used && managed ? html`${note('warn', t.connections.onlyCopy, t.connections.onlyCopyText(this.row.credentials.username))}${toggle(this.form, 'discard', t.connections.discard, t.connections.discardHint)}` : nothing}
      <div class="actions"><button @click=${this.dismiss}>${t.cancel}</button>
        ${this.uses && !used ? html`<button class="danger primary" ?disabled=${managed && !this.form.values.discard} aria-disabled=${this.form.busy ? 'true' : nothing} @click=${this.delete}>${t.connections.delete}</button>` : nothing}</div>`,
      this.dismiss,
    );
  }
}
customElements.define('rw-delete-connection', DeleteConnection);
