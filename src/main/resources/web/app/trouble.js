// What is wrong, as the service says it: one heading, one sentence, one next step, wherever it stands.
import { TROUBLES, get, session } from './api.js';
import { CODES, adviceOn } from './codes.js';
import { link } from './router.js';
import { Live } from './live.js';
import { Part, badge, empty, head, html, loading, note, nothing, when } from './ui.js';
import { t } from './texts.js';

export const KIND = { critical: 'bad', error: 'bad', warning: 'warn' };

/** Buttons beside a trouble: more are no advice. */
const STEPS = 3;

const pageOf = ({ links }) => links.console.replace(/^\/console\//, '');

/** Whether anything is read here about what was verified, and what: never more than that. */
export const proof = (trouble) =>
  trouble.kind !== 'rotation' || trouble.status === 'vault_behind'
    ? nothing
    : trouble.provenAt
      ? html`<p class="small">${t.trouble.proven} ${when(trouble.provenAt)}.</p>`
      : html`<p class="small"><strong>${trouble.code === 'changed_by_third_party' || trouble.status === 'stale' ? t.trouble.refused : t.trouble.unproven}</strong></p>`;

/** These say the cause themselves. */
const WHOLE = ['overdue', 'rotation_revoking', 'vault_behind', 'stale_credential'];

/** What it means to consumers, then why. */
export function headingOf(trouble) {
  const { heading } = adviceOn(trouble);
  const effect = t.trouble.heading(trouble);
  if (!heading || WHOLE.includes(trouble.code)) return effect;
  return ['store', 'vault', 'webhook'].includes(trouble.kind) ? heading : `${effect}: ${lower(heading)}`;
}

/** After a colon; what is a name keeps its letters. */
const lower = (text) => (/^[A-Z]([a-z’]| )/.test(text) && !/^(PostgreSQL|Vault)/.test(text) ? text[0].toLowerCase() + text.slice(1) : text);

/** The same buttons, where an answer says no. */
export function stepsOf({ code, details }, acts) {
  const steps = (CODES[details?.failure?.reason ?? details?.reason] ?? CODES[code])?.slice(2) ?? [];
  return buttons(steps, acts);
}

function buttons(steps, acts) {
  const offered = steps.filter((each) => acts[each]).slice(0, STEPS);
  return offered.length
    ? html`<div class="row">${offered.map((each) =>
        typeof acts[each] === 'string'
          ? html`<a class="button" href=${acts[each]}>${t.trouble.step[each]}</a>`
          : html`<button @click=${acts[each]}>${t.trouble.step[each]}</button>`,
      )}</div>`
    : nothing;
}

/**
 * @param acts what this page can do, by the name of the step: a function for a button, text for a link; what is not there is on the page of the
 *   thing itself
 */
export function troubleNote(trouble, acts = {}) {
  const { text, steps } = adviceOn(trouble);
  return note(
    KIND[trouble.severity],
    headingOf(trouble),
    html`<strong>${t.remedy}</strong> ${text ?? trouble.remedy}`,
    html`
    ${proof(trouble)}
    <p class="small">${trouble.message}</p>
    <p class="small muted">${trouble.since ? html`${t.trouble.since} ${when(trouble.since)}` : nothing}${trouble.role ? html` · ${t.rotation.role} <span class="mono break">${trouble.role}</span>` : nothing}${trouble.nextTryAt ? html` · ${t.trouble.next} ${when(trouble.nextTryAt)}` : nothing} · <code>${trouble.code}</code></p>
    ${buttons(steps, acts)}`,
  );
}

/** @param troubles the worst first */
export const troubleTable = (troubles, label) => html`<div class="scroll" tabindex="0" role="group" aria-label=${label}><table class="troubles">
  <thead><tr>${[t.trouble.severity, t.rotations.name, t.trouble.what, t.trouble.since].map((each) => html`<th scope="col">${each}</th>`)}</tr></thead><tbody>
  ${troubles.map(
    (each) => html`<tr>
    <td>${badge(KIND[each.severity], t.trouble.level[each.severity])}</td>
    <td><a class="cell-main break" href=${link(pageOf(each))}>${each.name}</a><div class="small muted">${t.trouble.kind[each.kind]}${each.projectName ? html` · ${each.projectName}` : nothing}</div></td>
    <td><div>${headingOf(each)}</div><div class="small muted">${t.remedy} ${adviceOn(each).text ?? each.remedy}</div></td>
    <td class="nowrap">${when(each.since)}</td></tr>`,
  )}</tbody></table></div>`;

const PAGE = 100;

class Troubles extends Part {
  wanted = PAGE;
  live = new Live(this, (signal) => (session.may('read:secret-rotation') ? get(TROUBLES, { limit: this.wanted }, signal) : { troubles: [], counts: {} }));

  render() {
    const { data } = this.live;
    const all = data ? data.counts.critical + data.counts.error + data.counts.warning : 0;
    return html`
      ${head(t.trouble.all, t.trouble.text, { crumbs: [[t.overview.heading, link()]], beside: this.live.age() })}
      ${
        !data
          ? this.live.problem
            ? this.live.fault()
            : html`<div class="card">${loading()}</div>`
          : data.troubles.length
            ? html`<section class="card" aria-label=${t.trouble.all}>${troubleTable(data.troubles, t.trouble.all)}
          <div class="pager"><span role="status">${t.table.count(data.troubles.length, all)}</span>${
            data.nextCursor
              ? html`<button @click=${() => {
                  this.wanted = Math.min(1000, this.wanted + PAGE * 2);
                  this.live.refresh();
                }}>${t.trouble.more}</button>`
              : nothing
          }</div></section>`
            : html`<div class="card">${empty('good', t.trouble.none, t.trouble.noneText)}</div>`
      }`;
  }
}
customElements.define('rw-troubles', Troubles);
