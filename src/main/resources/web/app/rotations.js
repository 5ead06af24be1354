// The list of rotations, and what is said of one wherever it stands.
import { OnceKey, ROTATIONS, get, post, session } from './api.js';
import { link } from './router.js';
import { Part, badge, empty, head, html, icon, nothing, when } from './ui.js';
import { t } from './texts.js';
import { byProject } from './connections.js';
import './table.js';

/** The worst first. As the service reckons them: a number of the overview is exactly the rows of a list. */
const ORDER = ['in_doubt', 'parked', 'failed', 'overdue', 'revoking', 'ok', 'manual'];
const KIND = { ok: 'good', manual: '', in_doubt: 'warn', overdue: 'warn', parked: 'bad', failed: 'bad', revoking: 'warn' };

const CHANGED = 'changed_by_third_party';

export const statusBadge = (row) =>
  row.stateReason === CHANGED
    ? badge('bad', t.status.changed, row.stateReason)
    : badge(KIND[row.status], t.status[row.status], row.stateReason ?? t.statusHint[row.status]);

/** Under which names consumers find what is served. */
export const secretsOf = ({ secretsMapping: { username, password, uri } }) => [username, password, uri].filter(Boolean);

export const rolesOf = ({ strategy, parameters }) => (strategy === 'single' ? [parameters.username1] : [parameters.username1, parameters.username2]);

class Rotations extends Part {
  constructor() {
    super();
    this.columns = [
      {
        key: 'name',
        label: t.rotations.name,
        width: '23%',
        sort: true,
        cell: (row) => html`
<a class="cell-main" href=${link(`rotations/${row.id}`)} title=${row.name}>${row.name}</a> <span class="small muted" title="${row.environment.slug} ${row.folder.path}">${row.environment.slug} · ${row.folder.path}</span>`,
      },
      {
        key: 'project',
        label: t.rotations.project,
        width: '10%',
        sort: true,
        cell: (row) => html`<span title=${this.nameOf(row.projectId) ?? nothing}>${this.nameOf(row.projectId)}</span>`,
      },
      {
        key: 'connection',
        label: t.rotations.through,
        width: '14%',
        sort: true,
        cell: (row) => html`<a href=${link(`connections/${row.connectionId}`)} title=${row.connection.name}>${row.connection.name}</a>`,
      },
      {
        key: 'role',
        label: t.rotations.roles,
        width: '24%',
        sort: true,
        cell: (row) =>
          html`<span class="mono small" title=${rolesOf(row)
            .map((role, i) => `${role}: ${i === row.activeIndex ? t.rotations.served : t.rotations.standby}`)
            .join(', ')}>${rolesOf(row).map((role, i) => html`<span class=${i === row.activeIndex ? '' : 'muted'}>${role}</span> `)}</span>`,
      },
      { key: 'status', label: t.rotations.status, width: '11%', sort: true, cell: statusBadge },
      {
        key: 'next',
        label: t.rotations.next,
        width: '18%',
        sort: true,
        cell: (row) =>
          html`${when(row.nextRotationAt, t.rotations.byHand)} <span class="small muted">${row.lastRotatedAt ? html`${t.rotations.last} ${when(row.lastRotatedAt)}` : t.rotations.never}</span>`,
      },
    ];
    this.filters = [
      {
        key: 'status',
        label: t.rotations.anyStatus,
        options: ORDER.map((each) => [each, t.status[each]]),
      },
      { key: 'strategy', label: t.rotations.anyStrategy, options: Object.entries(t.strategy.short) },
    ];
    byProject(this);
    this.source = async ({ q, sort, offset, limit, status, strategy, project }, signal) => {
      const answer = await get(ROTATIONS, { search: q, sort, offset, limit, status, strategy, projectId: project }, signal);
      return { rows: answer.secretRotations, count: answer.totalCount };
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
  }

  nameOf(project) {
    return this.filters.find((each) => each.key === 'project')?.options.find(([id]) => id === project)?.[1];
  }

  render() {
    const add = session.may('create:secret-rotation')
      ? html`<a class="button primary" href=${link('rotations/new')}>${icon('add')}${t.rotations.add}</a>`
      : nothing;
    return html`
      ${head(t.rotations.heading, t.rotations.text, { actions: add })}
      <rw-table .label=${t.rotations.heading} .columns=${this.columns} .filters=${this.filters} .source=${this.source} .order=${'status'} .bulk=${session.may('rotate-secrets:secret-rotation') ? this.bulk : []} .linkOf=${this.linkOf}
        .nothingYet=${empty('rotations', t.rotations.none, t.rotations.noneText, add)}></rw-table>`;
  }
}
customElements.define('rw-rotations', Rotations);
