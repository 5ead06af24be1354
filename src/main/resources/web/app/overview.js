// One picture of how things are: what is wrong first, then what is planned and how it went. Counted by the service, not here.
import { SUMMARY, TROUBLES, get, session } from './api.js';
import { link } from './router.js';
import { Live } from './live.js';
import { troubleTable } from './trouble.js';
import { DATE, Part, empty, fit, head, html, icon, lasted, loading, nothing, svg, when } from './ui.js';
import { t } from './texts.js';

const DAYS = 30;
const SHOWN = 10;

class Overview extends Part {
  live = new Live(this, async (signal) => {
    if (!session.may('read:secret-rotation')) return null;
    const [troubles, summary] = await Promise.all([
      get(TROUBLES, { limit: SHOWN }, signal),
      get(SUMMARY, { days: DAYS, timeZone: new Intl.DateTimeFormat().resolvedOptions().timeZone }, signal),
    ]);
    return { ...troubles, summary };
  });

  render() {
    const { live } = this;
    return html`
      ${head(t.overview.heading, t.overview.text, { beside: live.age() })}
      ${
        !session.may('read:secret-rotation')
          ? html`<div class="card">${empty('shield', t.overview.nothing, t.overview.nothingText)}</div>`
          : live.data
            ? this.content(live.data)
            : live.problem
              ? live.fault()
              : html`<div class="card">${loading()}</div>`
      }`;
  }

  content({ troubles, counts, summary }) {
    const { rotations, connections } = summary;
    const sum = (of, ...names) => names.reduce((total, name) => total + (of[name] ?? 0), 0);
    const total = (of) => sum(of, ...Object.keys(of));
    if (!total(rotations) && !total(connections)) {
      return html`<div class="card">${empty('connections', t.overview.start, t.overview.startText, session.may('create:app-connections') ? html`<a class="button primary" href=${link('connections/new')}>${icon('add')}${t.connections.add}</a>` : nothing)}</div>`;
    }
    // Every number leads to exactly its rows.
    const tile = (label, of, list, names, kind) => {
      const value = names.length ? sum(of, ...names) : total(of);
      return html`<a class="card tile ${value && kind ? kind : ''}" href=${link(`${list}${names.length ? `?status=${names.join(',')}` : ''}`)}><span class="label">${label}</span><span class="value">${value.toLocaleString('en')}</span></a>`;
    };
    const wrong = counts.critical + counts.error + counts.warning;
    return html`<div class="stack wide">
      ${
        wrong
          ? html`<section class="card" aria-labelledby="attention"><h2 id="attention">${t.overview.attention}</h2>
        ${troubleTable(troubles, t.overview.attention)}
        <div class="pager"><span role="status">${t.table.count(troubles.length, wrong)}</span>${wrong > troubles.length ? html`<a href=${link('troubles')}>${t.overview.showAll}</a>` : nothing}</div></section>`
          : nothing
      }
      <div class="tiles">
        ${tile(t.overview.well, rotations, 'rotations', ['ok', 'manual'], '')}
        ${tile(t.overview.overdue, rotations, 'rotations', ['overdue'], 'warn')}
        ${tile(t.overview.inDoubt, rotations, 'rotations', ['in_doubt', 'revoking'], 'warn')}
        ${tile(t.overview.failing, rotations, 'rotations', ['failed', 'parked'], 'bad')}
        ${tile(t.overview.connections, connections, 'connections', [], '')}
        ${tile(t.overview.broken, connections, 'connections', ['in_doubt', 'parked', 'failed', 'overdue', 'test_failed'], 'bad')}
      </div>
      <div class="split even">
        <section class="card" aria-labelledby="due"><h2 id="due">${t.overview.due}</h2>${this.due(summary.upcoming)}</section>
        <section class="card pad stack" aria-labelledby="done"><h2 id="done">${t.overview.done}</h2>${this.done(summary)}</section>
      </div>
    </div>`;
  }

  due(upcoming) {
    if (!upcoming.length) return html`<p class="muted small card-text">${t.overview.noneDue}</p>`;
    return html`<div class="scroll" tabindex="0" role="group" aria-labelledby="due"><table><tbody>${upcoming.map(
      (each) => html`<tr>
      <td><a class="cell-main break" href=${link(`${each.kind}s/${each.id}`)}>${each.name}</a><div class="small muted">${t.trouble.kind[each.kind]}${each.projectName ? html` · ${each.projectName}` : nothing}</div></td>
      <td class="nowrap">${when(each.nextRotationAt)}</td></tr>`,
    )}</tbody></table></div>`;
  }

  /** Bars of the last thirty days, as the service has counted them. */
  done({ days, done, failed, medianMillis, p95Millis }) {
    const took = (millis) => (millis === null ? '–' : lasted(0, millis));
    const columns = days.map((each) => ({
      at: new Date(`${each.date}T12:00`),
      parts: [
        ['good', each.done],
        ['bad', each.failed],
      ],
    }));
    return html`${fit((width) => bars(t.overview.doneLabel(done, failed), columns, width))}
      <div class="legend"><span><i class="good"></i>${t.attempt.state.done}: ${done}</span><span><i class="bad"></i>${t.attempt.state.failed}: ${failed}</span><span>${t.overview.median(took(medianMillis), took(p95Millis))}</span></div>`;
  }
}
customElements.define('rw-overview', Overview);

/** Stacked bars, one a day. @param columns objects of at (a day) and parts: pairs of class and count */
function bars(label, columns, width) {
  const height = 150;
  const most = Math.max(4, ...columns.map((each) => each.parts.reduce((sum, [, count]) => sum + count, 0)));
  const step = Math.ceil(most / 4);
  const top = step * 4;
  const y = (count) => height - (count / top) * (height - 14);
  const slot = (width - 34) / columns.length;
  return html`<svg class="chart" viewBox="0 0 ${width} ${height + 24}" role="img" aria-label=${label}>
    ${[0, 1, 2, 3, 4].map((i) => svg`<line class="grid" x1="34" x2=${width} y1=${y(i * step)} y2=${y(i * step)}></line><text x="26" y=${y(i * step) + 4} text-anchor="end">${i * step}</text>`)}
    ${columns.map(({ at, parts }, i) => {
      const x = 34 + i * slot;
      let below = 0;
      const total = parts.reduce((sum, [, count]) => sum + count, 0);
      return svg`<g>${parts
        .filter(([, count]) => count)
        .map(([kind, count]) => {
          const bar = svg`<rect class=${kind} x=${x + slot * 0.15} y=${y(below + count)} width=${slot * 0.7} height=${y(below) - y(below + count)} rx="2"></rect>`;
          below += count;
          return bar;
        })}<rect x=${x} y="0" width=${slot} height=${height} fill="transparent"><title>${DATE.format(at)}: ${total}</title></rect>
      ${i % 5 === 2 ? svg`<text x=${x + slot / 2} y=${height + 18} text-anchor="middle">${DATE.format(at)}</text>` : nothing}</g>`;
    })}
  </svg>`;
}
