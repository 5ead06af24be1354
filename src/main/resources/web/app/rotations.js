// The list of rotations, and what is said of one wherever it stands.
import { ROTATIONS, all, projects, session } from './api.js';
import { link } from './router.js';
import { Part, badge, empty, head, html, icon, nothing, when } from './ui.js';
import { t } from './texts.js';
import './table.js';

/** A few minutes late is the service looking every half a minute, and retries; more is news. */
const LATE = 5 * 60_000;

export const isOverdue = (row, now = Date.now()) => row.nextRotationAt !== null && now - new Date(row.nextRotationAt) > LATE;

/** One word for how a rotation is. */
export function status(row) {
  if (row.state !== 'ok') return row.state;
  if (row.rotationStatus === 'failed') return 'failed';
  if (isOverdue(row)) return 'overdue';
  return row.isAutoRotationEnabled ? 'ok' : 'manual';
}

const KIND = { ok: 'good', manual: '', in_doubt: 'warn', overdue: 'warn', parked: 'bad', failed: 'bad', revoking: 'warn' };

export const statusBadge = (row) => badge(KIND[status(row)], t.status[status(row)], row.stateReason ?? row.lastRotationMessage ?? t.statusHint[status(row)]);

export const rolesOf = ({ strategy, parameters }) => (strategy === 'single' ? [parameters.username1] : [parameters.username1, parameters.username2]);

/** The rotations of every project that the caller sees. */
export async function allRotations(seen, signal) {
  const rows = [];
  for (const project of await projects()) {
    const mine = await all(ROTATIONS, 'secretRotations', { projectId: project.id }, (some) => seen?.([...rows, ...some]), signal);
    rows.push(...mine.map((row) => Object.assign(row, { project })));
  }
  return rows;
}

class Rotations extends Part {
  constructor() {
    super();
    this.columns = [
      { key: 'name', label: t.rotations.name, width: '25%', sort: (row) => row.name, cell: (row) => html`
        <div class="clip"><a class="cell-main" href=${link(`rotations/${row.id}`)}>${row.name}</a></div><div class="small muted clip" title="${row.environment.slug} ${row.folder.path}">${row.environment.slug} · ${row.folder.path}</div>` },
      { key: 'project', label: t.rotations.project, width: '12%', sort: (row) => row.project?.name ?? '', cell: (row) => html`<div class="clip">${row.project?.name}</div>` },
      { key: 'connection', label: t.rotations.through, width: '17%', sort: (row) => row.connection.name, cell: (row) => html`<div class="clip"><a href=${link(`connections/${row.connectionId}`)}>${row.connection.name}</a></div>` },
      { key: 'roles', label: t.rotations.roles, width: '16%', sort: (row) => row.parameters.username1, cell: (row) => html`${rolesOf(row).map((role, i) => html`<div class="clip mono small ${i === row.activeIndex ? '' : 'muted'}" title=${i === row.activeIndex ? t.rotations.served : t.rotations.standby}>${role}</div>`)}` },
      { key: 'status', label: t.rotations.status, width: '13%', sort: (row) => Object.keys(t.status).indexOf(status(row)), cell: statusBadge },
      { key: 'next', label: t.rotations.next, width: '17%', sort: (row) => row.nextRotationAt && new Date(row.nextRotationAt).getTime(), cell: (row) => html`${when(row.nextRotationAt, t.rotations.byHand)}<div class="small muted nowrap">${row.lastRotatedAt ? html`${t.rotations.last} ${when(row.lastRotatedAt)}` : t.rotations.never}</div>` },
    ];
    this.filters = [
      { key: 'status', label: t.rotations.anyStatus, options: Object.entries(t.status), test: (row, value) => status(row) === value },
      { key: 'strategy', label: t.rotations.anyStrategy, options: Object.entries(t.strategy.short), test: (row, value) => row.strategy === value },
    ];
    this.load = allRotations;
    this.text = (row) => `${row.name} ${row.description ?? ''} ${row.environment.slug} ${row.folder.path} ${row.project?.name} ${row.connection.name} ${rolesOf(row).join(' ')} ${row.id}`;
  }

  render() {
    const add = session.may('create:secret-rotation') ? html`<a class="button primary" href=${link('rotations/new')}>${icon('add')}${t.rotations.add}</a>` : nothing;
    return html`
      ${head(t.rotations.heading, t.rotations.text, { actions: add })}
      <rw-table .label=${t.rotations.heading} .columns=${this.columns} .filters=${this.filters} .load=${this.load} .text=${this.text}
        .nothingYet=${empty('rotations', t.rotations.none, t.rotations.noneText, add)}></rw-table>`;
  }
}
customElements.define('rw-rotations', Rotations);
