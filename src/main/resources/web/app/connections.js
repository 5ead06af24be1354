// The list of connections, and the dialogs that a row leads to.
import { CONNECTIONS, OnceKey, Problem, all, get, post, projects, remove, session } from './api.js';
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
/** The service's own: a few minutes late is it looking every half a minute. */
const LATE = 15 * 60_000;

export function statusOf({ state, rotation, lastTest }) {
  if (state === 'in_doubt' || state === 'parked') return state;
  if (rotation?.rotationStatus === 'failed') return 'failed';
  if (rotation?.nextRotationAt && Date.now() - new Date(rotation.nextRotationAt) > LATE) return 'overdue';
  return lastTest && !lastTest.ok ? 'test_failed' : 'ok';
}

/** How the last login went, and when. */
const lastTest = ({ lastTest: last }) =>
  last
    ? html`${last.ok ? badge('good', t.connections.passed) : badge('bad', t.connections.failed, last.reason)}<div class="small muted">${when(last.at)}</div>`
    : html`<span class="muted">–</span>`;

class Connections extends Part {
  static properties = { asked: { state: true } };

  constructor() {
    super();
    const may = (right, row) => session.may(`${right}:app-connections`, row.projectId ?? undefined);
    this.columns = [
      {
        key: 'name',
        label: t.connections.name,
        width: '21%',
        sort: (row) => row.name,
        cell: (row) => html`
        <div class="clip"><a class="cell-main" href=${link(`connections/${row.id}`)}>${row.name}</a></div>${row.description ? html`<div class="small muted clip" title=${row.description}>${row.description}</div>` : nothing}`,
      },
      {
        key: 'project',
        label: t.connections.project,
        width: '12%',
        sort: (row) => row.project?.name ?? '',
        cell: (row) =>
          row.project ? html`<div class="clip" title=${row.project.name}>${row.project.name}</div>` : html`<span class="muted">${t.organisation}</span>`,
      },
      {
        key: 'host',
        label: t.connections.where,
        width: '24%',
        sort: (row) => place(row.credentials),
        cell: (row) =>
          html`<div class="clip mono" title=${place(row.credentials)}>${place(row.credentials)}</div><div class="small muted clip">${t.connections.as(row.credentials.username)}</div>`,
      },
      { key: 'tls', label: t.connections.tls, width: '11%', sort: (row) => row.credentials.sslMode, cell: (row) => tlsBadge(row.credentials) },
      {
        key: 'state',
        label: t.connections.state,
        width: '13%',
        sort: (row) => ORDER.indexOf(statusOf(row)),
        cell: (row) =>
          html`<div class="row">${row.isPlatformManagedCredentials ? badge('info', t.connections.managed, t.connections.managedLong) : nothing}${stateBadge(row)}${row.isPlatformManagedCredentials || row.state !== 'ok' ? nothing : html`<span class="muted">–</span>`}</div>`,
      },
      {
        key: 'test',
        label: t.connections.lastTest,
        width: '14%',
        sort: (row) => (row.lastTest ? `${row.lastTest.ok} ${row.lastTest.at}` : null),
        cell: lastTest,
      },
      {
        key: 'actions',
        label: t.actions,
        width: '5%',
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
      { key: 'tls', label: t.connections.anyTls, options: Object.entries(t.tls.short), test: (row, value) => row.credentials.sslMode === value },
      {
        key: 'status',
        label: t.rotations.anyStatus,
        options: ORDER.map((each) => [each, t.connections.status[each]]),
        test: (row, value) => value.split(',').includes(statusOf(row)),
      },
      {
        key: 'works',
        label: t.connections.anyTest,
        options: [
          ['yes', t.connections.passed],
          ['no', t.connections.failed],
        ],
        test: (row, value) => row.lastTest?.ok === (value === 'yes'),
      },
      {
        key: 'managed',
        label: t.connections.anyManaged,
        options: [
          ['yes', t.connections.managed],
          ['no', t.connections.notManaged],
        ],
        test: (row, value) => row.isPlatformManagedCredentials === (value === 'yes'),
      },
    ];
    this.load = async (seen, signal) => {
      const found = await projects();
      this.filters = [
        ...this.filters.filter((each) => each.key !== 'project'),
        {
          key: 'project',
          label: t.connections.anyProject,
          options: [['-', t.organisation], ...found.map((each) => [each.id, each.name])],
          test: (row, value) => (row.projectId ?? '-') === value,
        },
      ];
      this.requestUpdate();
      return all(CONNECTIONS, 'appConnections', {}, seen, signal);
    };
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
    this.text = (row) => `${row.name} ${row.description ?? ''} ${row.project?.name ?? ''} ${place(row.credentials)} ${row.credentials.username}`;
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
      <rw-table .label=${t.connections.heading} .columns=${this.columns} .filters=${this.filters} .load=${this.load} .text=${this.text} .order=${'state'} .linkOf=${this.linkOf}
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
