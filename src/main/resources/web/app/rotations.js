// The list of rotations, and what is said of one wherever it stands.
import { OnceKey, ROTATIONS, all, post, projects, session } from './api.js';
import { link } from './router.js';
import { Part, badge, empty, head, html, icon, nothing, when } from './ui.js';
import { t } from './texts.js';
import './table.js';

/** The worst first. As the service reckons them: a number of the overview is exactly the rows of a list. */
const ORDER = ['in_doubt', 'parked', 'failed', 'overdue', 'revoking', 'ok', 'manual'];
const KIND = { ok: 'good', manual: '', in_doubt: 'warn', overdue: 'warn', parked: 'bad', failed: 'bad', revoking: 'warn' };

const CHANGED = 'changed_by_third_party';

export const statusBadge = (row) =>
  row.stateReason === CHANGED
    ? badge('bad', t.status.changed, row.stateReason)
    : badge(KIND[row.status], t.status[row.status], row.stateReason ?? t.statusHint[row.status]);

export const rolesOf = ({ strategy, parameters }) => (strategy === 'single' ? [parameters.username1] : [parameters.username1, parameters.username2]);

/** The rotations of every project that the caller sees. */
export async function allRotations(seen, signal) {
  const names = new Map((await projects()).map((each) => [each.id, each]));
  const known = (rows) => {
    rows.forEach((row) => (row.project ??= names.get(row.projectId)));
    return rows;
  };
  return known(await all(ROTATIONS, 'secretRotations', { status: ORDER.join(',') }, (some) => seen?.(known(some)), signal));
}

class Rotations extends Part {
  constructor() {
    super();
    this.columns = [
      {
        key: 'name',
        label: t.rotations.name,
        width: '25%',
        sort: (row) => row.name,
        cell: (row) => html`
        <div class="clip"><a class="cell-main" href=${link(`rotations/${row.id}`)} title=${row.name}>${row.name}</a></div><div class="small muted clip" title="${row.environment.slug} ${row.folder.path}">${row.environment.slug} · ${row.folder.path}</div>`,
      },
      {
        key: 'project',
        label: t.rotations.project,
        width: '12%',
        sort: (row) => row.project?.name ?? '',
        cell: (row) => html`<div class="clip" title=${row.project?.name ?? nothing}>${row.project?.name}</div>`,
      },
      {
        key: 'connection',
        label: t.rotations.through,
        width: '17%',
        sort: (row) => row.connection.name,
        cell: (row) => html`<div class="clip"><a href=${link(`connections/${row.connectionId}`)} title=${row.connection.name}>${row.connection.name}</a></div>`,
      },
      {
        key: 'roles',
        label: t.rotations.roles,
        width: '16%',
        sort: (row) => row.parameters.username1,
        cell: (row) =>
          html`${rolesOf(row).map((role, i) => html`<div class="clip mono small ${i === row.activeIndex ? '' : 'muted'}" title="${role}: ${i === row.activeIndex ? t.rotations.served : t.rotations.standby}">${role}</div>`)}`,
      },
      { key: 'status', label: t.rotations.status, width: '13%', sort: (row) => ORDER.indexOf(row.status), cell: statusBadge },
      {
        key: 'next',
        label: t.rotations.next,
        width: '17%',
        sort: (row) => row.nextRotationAt && new Date(row.nextRotationAt).getTime(),
        cell: (row) =>
          html`${when(row.nextRotationAt, t.rotations.byHand)}<div class="small muted nowrap">${row.lastRotatedAt ? html`${t.rotations.last} ${when(row.lastRotatedAt)}` : t.rotations.never}</div>`,
      },
    ];
    this.filters = [
      {
        key: 'status',
        label: t.rotations.anyStatus,
        options: ORDER.map((each) => [each, t.status[each]]),
        test: (row, value) => value.split(',').includes(row.status),
      },
      { key: 'strategy', label: t.rotations.anyStrategy, options: Object.entries(t.strategy.short), test: (row, value) => row.strategy === value },
    ];
    this.load = async (seen, signal) => {
      const rows = await allRotations(seen, signal);
      const found = [...new Map(rows.filter((row) => row.project).map((row) => [row.projectId, row.project.name]))].sort((a, b) => a[1].localeCompare(b[1]));
      this.filters = [
        ...this.filters.filter((each) => each.key !== 'project'),
        { key: 'project', label: t.connections.anyProject, options: found, test: (row, value) => row.projectId === value },
      ];
      this.requestUpdate();
      return rows;
    };
    const may = (row) => row.state !== 'revoking' && session.may('rotate-secrets:secret-rotation', row.projectId);
    this.bulk = [
      { text: t.rotation.verify, may, act: (row) => post(`${ROTATIONS}/${row.id}/verify`) },
      {
        text: t.rotation.rotate,
        may,
        ask: (rows) => t.bulk.rotate(rows.length, rows.filter((row) => row.strategy === 'single').length),
        act: (row) => post(`${ROTATIONS}/${row.id}/rotate-secrets`, undefined, { key: new OnceKey().for(row.id) }),
      },
    ];
    this.linkOf = (row) => link(`rotations/${row.id}`);
    this.text = (row) =>
      `${row.name} ${row.description ?? ''} ${row.environment.slug} ${row.folder.path} ${row.project?.name} ${row.connection.name} ${rolesOf(row).join(' ')}`;
  }

  render() {
    const add = session.may('create:secret-rotation')
      ? html`<a class="button primary" href=${link('rotations/new')}>${icon('add')}${t.rotations.add}</a>`
      : nothing;
    return html`
      ${head(t.rotations.heading, t.rotations.text, { actions: add })}
      <rw-table .label=${t.rotations.heading} .columns=${this.columns} .filters=${this.filters} .load=${this.load} .text=${this.text} .order=${'status'} .bulk=${session.may('rotate-secrets:secret-rotation') ? this.bulk : []} .linkOf=${this.linkOf}
        .nothingYet=${empty('rotations', t.rotations.none, t.rotations.noneText, add)}></rw-table>`;
  }
}
customElements.define('rw-rotations', Rotations);
