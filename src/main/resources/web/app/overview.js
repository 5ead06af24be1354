// One picture of how things are: what is due, what failed and how long it took, and how the servers are.
import { CONNECTIONS, SUMMARY, all, get, session } from './api.js';
import { link } from './router.js';
import { allRotations, isOverdue, status, statusBadge } from './rotations.js';
import { Part, badge, empty, fault, head, html, icon, lasted, loading, nothing, svg, when } from './ui.js';
import { t } from './texts.js';

const DAY = 86_400_000;
const DAYS = 30;

const dayOf = (at) => {
  const day = new Date(at);
  return new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
};
const DATE = new Intl.DateTimeFormat('en', { month: 'short', day: 'numeric' });

class Overview extends Part {
  static properties = { rotations: { state: true }, connections: { state: true }, ended: { state: true }, problem: { state: true } };

  connectedCallback() {
    super.connectedCallback();
    this.leaving = new AbortController();
    this.read(this.leaving.signal);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.leaving.abort();
  }

  async read(signal) {
    if (!session.may('read:secret-rotation')) {
      this.rotations = this.connections = [];
      return;
    }
    try {
      [this.rotations, this.connections] = await Promise.all([allRotations(() => {}, signal), all(CONNECTIONS, 'appConnections', {}, () => {}, signal)]);
      this.ended = await get(SUMMARY, { days: DAYS, timeZone: new Intl.DateTimeFormat().resolvedOptions().timeZone }, signal);
    } catch (problem) {
      if (problem.name !== 'AbortError') this.problem = problem;
    }
  }

  render() {
    return html`
      ${head(t.overview.heading, t.overview.text)}
      ${this.problem ? fault(this.problem) : !this.rotations ? html`<div class="card">${loading()}</div>` : this.content()}`;
  }

  content() {
    if (!this.connections.length && !this.rotations.length) {
      return html`<div class="card">${empty('connections', t.overview.start, t.overview.startText, session.may('create:app-connections') ? html`<a class="button primary" href=${link('connections/new')}>${icon('add')}${t.connections.add}</a>` : nothing)}</div>`;
    }
    const count = (...names) => this.rotations.filter((row) => names.includes(status(row))).length;
    const tile = (label, value, query, kind) => html`<a class="card tile ${value && kind ? kind : ''}" href=${link(`rotations${query}`)}><span class="label">${label}</span><span class="value">${value}</span></a>`;
    return html`<div class="stack wide">
      <div class="tiles">
        ${tile(t.overview.well, count('ok', 'manual'), '', '')}
        ${tile(t.overview.overdue, count('overdue'), '?status=overdue', 'warn')}
        ${tile(t.overview.inDoubt, count('in_doubt', 'revoking'), '?status=in_doubt', 'warn')}
        ${tile(t.overview.failing, count('failed', 'parked'), '?status=failed', 'bad')}
      </div>
      <section class="card pad stack" aria-labelledby="due"><h2 id="due">${t.overview.due}</h2>${this.due()}</section>
      <div class="split even">
        <section class="card pad stack" aria-labelledby="done"><h2 id="done">${t.overview.done}</h2>${this.ended ? this.done() : loading()}</section>
        <section class="card pad stack" aria-labelledby="targets"><h2 id="targets">${t.overview.targets}</h2>${this.targets()}</section>
      </div>
      ${this.attention()}
    </div>`;
  }

  /** Bars of the next thirty days; what is overdue stands before today. */
  due() {
    const today = dayOf(Date.now());
    const late = this.rotations.filter((row) => isOverdue(row)).length;
    const days = Array.from({ length: DAYS }, (_, i) => ({ at: dayOf(today + i * DAY + DAY / 2), count: 0 }));
    const byDay = new Map(days.map((each) => [each.at, each]));
    for (const row of this.rotations) {
      if (row.nextRotationAt && !isOverdue(row)) {
        const day = byDay.get(Math.max(today, dayOf(row.nextRotationAt)));
        if (day) day.count++;
      }
    }
    const total = days.reduce((sum, each) => sum + each.count, 0);
    return html`${bars(t.overview.dueLabel(total, late), [{ at: null, text: t.overview.late, parts: [['warn', late]] }, ...days.map((each) => ({ at: each.at, parts: [['due', each.count]] }))])}
      <p class="small muted">${t.overview.dueLabel(total, late)}</p>`;
  }

  /** Bars of the last thirty days, as the service has counted them. */
  done() {
    const { days, done, failed, medianMillis, p95Millis } = this.ended;
    const took = (millis) => (millis === null ? '–' : lasted(0, millis));
    return html`${bars(t.overview.doneLabel(done, failed), days.map((each) => ({ at: new Date(`${each.date}T12:00`), parts: [['good', each.done], ['bad', each.failed]] })), 560)}
      <div class="legend"><span><i class="good"></i>${t.attempt.state.done}: ${done}</span><span><i class="bad"></i>${t.attempt.state.failed}: ${failed}</span><span>${t.overview.median(took(medianMillis), took(p95Millis))}</span></div>`;
  }

  /** Each server once, by the worst that is known of what runs over it. */
  targets() {
    const worst = ['failing', 'doubt', 'fine', 'idle'];
    const byServer = new Map();
    const seen = (server, state) => byServer.set(server, worst[Math.min(worst.indexOf(byServer.get(server) ?? 'idle'), worst.indexOf(state))]);
    const serverOf = new Map(this.connections.map((each) => [each.id, `${each.credentials.host}:${each.credentials.port}`]));
    this.connections.forEach((each) => seen(serverOf.get(each.id), each.state === 'ok' ? (each.isPlatformManagedCredentials ? 'fine' : 'idle') : each.state === 'in_doubt' ? 'doubt' : 'failing'));
    this.rotations.forEach((each) => {
      const server = serverOf.get(each.connectionId);
      if (server) seen(server, { ok: 'fine', manual: 'fine', overdue: 'doubt', in_doubt: 'doubt', revoking: 'doubt' }[status(each)] ?? 'failing');
    });
    const counts = worst.map((state) => [state, [...byServer.values()].filter((each) => each === state).length]);
    const kind = { failing: 'bad', doubt: 'warn', fine: 'good', idle: 'idle' };
    const total = byServer.size || 1;
    let x = 0;
    return html`
      <svg class="chart" viewBox="0 0 560 44" role="img" aria-label=${t.overview.targetsLabel(byServer.size)}>
        ${counts.filter(([, count]) => count).map(([state, count]) => {
          const width = (count / total) * 560;
          const bar = svg`<rect class=${kind[state] === 'idle' ? 'valid' : kind[state]} x=${x} y="8" width=${Math.max(2, width - 3)} height="28" rx="5"><title>${t.overview.target[state]}: ${count}</title></rect>`;
          x += width;
          return bar;
        })}</svg>
      <dl class="facts small targets">${counts.map(([state, count]) => html`<dt><span class="legend"><span><i class=${kind[state] === 'idle' ? 'valid' : kind[state]}></i>${t.overview.target[state]}</span></span></dt><dd><strong>${count}</strong> <span class="muted">${t.overview.targetText[state]}</span></dd>`)}</dl>`;
  }

  attention() {
    const rows = this.rotations.filter((row) => !['ok', 'manual'].includes(status(row)));
    const broken = this.connections.filter((row) => row.state !== 'ok');
    if (!rows.length && !broken.length) return nothing;
    return html`<section class="card" aria-labelledby="attention"><h2 id="attention">${t.overview.attention}</h2><div class="scroll" tabindex="0" role="group" aria-labelledby="attention"><table>
      <thead><tr>${[t.rotations.name, t.rotations.status, t.overview.why, t.rotations.next].map((each) => html`<th scope="col">${each}</th>`)}</tr></thead><tbody>
      ${broken.slice(0, 10).map((row) => html`<tr><td><a class="cell-main" href=${link(`connections/${row.id}`)}>${row.name}</a></td><td>${badge(row.state === 'in_doubt' ? 'warn' : 'bad', t.state[row.state])}</td><td class="small">${row.rotation?.lastRotationMessage ?? row.stateReason}</td><td>${when(row.rotation?.nextRotationAt)}</td></tr>`)}
      ${rows.slice(0, 10).map((row) => html`<tr><td><a class="cell-main" href=${link(`rotations/${row.id}`)}>${row.name}</a></td><td>${statusBadge(row)}</td><td class="small">${row.lastRotationMessage ?? t.statusHint[status(row)]}</td><td>${when(row.nextRotationAt, t.rotations.byHand)}</td></tr>`)}
      </tbody></table></div></section>`;
  }
}
customElements.define('rw-overview', Overview);

/** Stacked bars, one a day. @param columns objects of at (a day) or text, and parts: pairs of class and count */
function bars(label, columns, width = 1100) {
  const height = 150;
  const most = Math.max(4, ...columns.map((each) => each.parts.reduce((sum, [, count]) => sum + count, 0)));
  const step = Math.ceil(most / 4);
  const top = step * 4;
  const y = (count) => height - (count / top) * (height - 14);
  const slot = (width - 34) / columns.length;
  return html`<svg class="chart" viewBox="0 0 ${width} ${height + 24}" role="img" aria-label=${label}>
    ${[0, 1, 2, 3, 4].map((i) => svg`<line class="grid" x1="34" x2=${width} y1=${y(i * step)} y2=${y(i * step)}></line><text x="26" y=${y(i * step) + 4} text-anchor="end">${i * step}</text>`)}
    ${columns.map(({ at, text, parts }, i) => {
      const x = 34 + i * slot;
      let below = 0;
      const total = parts.reduce((sum, [, count]) => sum + count, 0);
      return svg`<g>${parts.filter(([, count]) => count).map(([kind, count]) => {
        const bar = svg`<rect class=${kind} x=${x + slot * 0.15} y=${y(below + count)} width=${slot * 0.7} height=${y(below) - y(below + count)} rx="2"></rect>`;
        below += count;
        return bar;
      })}<rect x=${x} y="0" width=${slot} height=${height} fill="transparent"><title>${text ?? DATE.format(at)}: ${total}</title></rect>
      ${text ? svg`<text x=${x + slot / 2} y=${height + 18} text-anchor="middle">${total ? text : ''}</text>` : (i % 5 === (columns[0].text ? 1 : 4)) ? svg`<text x=${x + slot / 2} y=${height + 18} text-anchor="middle">${DATE.format(at)}</text>` : nothing}</g>`;
    })}
  </svg>`;
}
