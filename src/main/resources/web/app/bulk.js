// One thing done to many rows: a few at a time, with its progress, what failed and why; it can be stopped.
import { Problem } from './api.js';
import { Part, html, icon, modal, nothing, spinner } from './ui.js';
import { t } from './texts.js';

/** As many at once: more would only wait for their turn at the service. */
const AT_ONCE = 3;
/** Tries of one row that is told to come back later. */
const TRIES = 5;

const pause = (seconds) => new Promise((go) => setTimeout(go, seconds * 1000));

/**
 * @property rows what is selected
 * @property acts objects of text, may(row), act(row) (a promise that fails with a Problem), ask(rows) (a sentence to confirm; absent: at once)
 * @property linkOf (row) where a row that failed leads to
 */
class Bulk extends Part {
  static properties = { rows: {}, acts: {}, linkOf: {}, asked: { state: true }, run: { state: true } };

  disconnectedCallback() {
    super.disconnectedCallback();
    if (this.run) this.run.stopped = true;
  }

  begin(act) {
    const rows = this.rows.filter(act.may);
    if (this.run?.going || !rows.length) return;
    if (act.ask) this.asked = { act, rows };
    else this.work(act, rows);
  }

  async work(act, rows) {
    this.asked = null;
    const run = (this.run = { text: act.text, total: rows.length, done: 0, failed: [], going: true, stopped: false });
    const left = rows.slice();
    const worker = async () => {
      while (left.length && !run.stopped) {
        const row = left.shift();
        try {
          await this.patiently(() => act.act(row), run);
        } catch (problem) {
          if (!(problem instanceof Problem)) throw problem;
          run.failed.push([row, problem]);
        }
        run.done++;
        this.requestUpdate();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    run.going = false;
    this.requestUpdate();
    this.dispatchEvent(new Event('done'));
  }

  /** Who is told to wait waits. */
  async patiently(work, run) {
    for (let i = 1; ; i++) {
      try {
        return await work();
      } catch (problem) {
        if (problem.status !== 429 || i === TRIES || run.stopped) throw problem;
        await pause(problem.retryAfter ?? i);
      }
    }
  }

  render() {
    const { run } = this;
    const close = () => (this.asked = null);
    return html`<div class="bulk" role="group" aria-label=${t.bulk.label}>
      ${
        run?.going
          ? html`<span class="row">${spinner()}<strong>${run.text}</strong></span>
        <progress max=${run.total} .value=${run.done} aria-label=${t.bulk.progress(run)}></progress><span>${t.bulk.progress(run)}</span>
        <button class="quiet" @click=${() => {
          run.stopped = true;
          this.requestUpdate();
        }}>${run.stopped ? t.bulk.stopping : t.bulk.stop}</button>`
          : this.rows.length
            ? html`<strong>${t.bulk.selected(this.rows.length)}</strong>${this.acts.map((act) => {
                const able = this.rows.filter(act.may).length;
                return html`<button ?disabled=${!able} @click=${() => this.begin(act)}>${able === this.rows.length ? act.text : t.bulk.some(act.text, able)}</button>`;
              })}`
            : html`<span class="muted small">${t.bulk.hint}</span>`
      }</div>
      <div class="sr" role="status">${run ? t.bulk.progress(run) : ''}</div>
      ${
        run && !run.going
          ? html`<div class="bulk-result" role="group" aria-label=${t.bulk.result}><p class="row">${icon(run.failed.length ? 'warn' : 'good')}<strong>${run.text}: ${t.bulk.progress(run)}</strong>
        <button class="quiet" @click=${() => (this.run = null)}>${t.close}</button></p>
        ${
          run.failed.length
            ? html`<ul class="small stack tight">${run.failed
                .slice(0, 20)
                .map(
                  ([row, problem]) => html`<li><a href=${this.linkOf(row)}>${row.name}</a>: <strong>${problem.cause[0]}.</strong> ${problem.cause[1]}</li>`,
                )}</ul>${run.failed.length > 20 ? html`<p class="small">${t.table.count(20, run.failed.length)}</p>` : nothing}`
            : nothing
        }</div>`
          : nothing
      }
      ${
        this.asked
          ? modal(
              t.bulk.ask(this.asked.act.text, this.asked.rows.length),
              html`<p>${this.asked.act.ask(this.asked.rows)}</p>
        <div class="actions"><button @click=${close}>${t.cancel}</button><button class="primary" @click=${() => this.work(this.asked.act, this.asked.rows)}>${this.asked.act.text}</button></div>`,
              close,
            )
          : nothing
      }`;
  }
}
customElements.define('rw-bulk', Bulk);
