// A table that shows one page of a list: what is searched, filtered, sorted and counted is asked of where the rows come from.
import { go, link, note as noteInAddress, route } from './router.js';
import { Part, empty, fault, html, icon, late, nothing } from './ui.js';
import './bulk.js';
import './live.js';
import { t } from './texts.js';

const PAGE = 25;
/** As many rows are selected at once, which is one request. */
const MOST = 1000;
/** Milliseconds: until the next look, and from the last key that is typed to the search. */
const PAUSE = 30_000;
const TYPING = 300;

/**
 * @property columns objects of key, label, width (a class), cell(row), sort: whether one can sort by it
 * @property source ({ q, sort, offset, limit, … } with each filter by its key, signal) gives { rows, count }: a page, and how many there are on all
 * @property filters objects of key, label, options (pairs)
 * @property order key of the column by which rows stand unless somebody wants otherwise
 * @property bulk what can be done to many rows, as rw-bulk takes it; absent: nothing
 * @property linkOf (row) where its page is
 * @property nothingYet what to show for an empty list
 */
class Table extends Part {
  static properties = {
    columns: {},
    source: {},
    filters: {},
    order: {},
    bulk: {},
    linkOf: {},
    picked: { state: true },
    nothingYet: {},
    label: {},
    at: { state: true },
    rows: { state: true },
    count: { state: true },
    busy: { state: true },
    problem: { state: true },
    wanted: { state: true },
  };

  constructor() {
    super();
    const query = route().query;
    this.wanted = { q: '', sort: '', page: 1, ...Object.fromEntries(query) };
    this.wanted.page = Math.max(1, Number(this.wanted.page) || 1);
    this.filters = [];
    this.picked = new Map();
  }

  connectedCallback() {
    super.connectedCallback();
    this.refresh();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.later);
    clearTimeout(this.typing);
    this.leaving?.abort();
  }

  /** Reads the page; what is shown stays until it is there. */
  async refresh() {
    clearTimeout(this.later);
    clearTimeout(this.typing);
    this.leaving?.abort();
    const { signal } = (this.leaving = new AbortController());
    this.busy = true;
    const { narrowed } = this;
    try {
      const { rows, count } = await this.ask((this.wanted.page - 1) * PAGE, PAGE, signal);
      if (signal.aborted) return;
      const last = Math.max(1, Math.ceil(count / PAGE));
      if (this.wanted.page > last) {
        this.turn(last); // there are fewer than there were
        return;
      }
      this.rows = rows;
      this.count = count;
      this.bare = !narrowed;
      rows.forEach((row) => this.picked.has(row.id) && this.picked.set(row.id, row));
      this.problem = null;
      this.at = Date.now();
    } catch (problem) {
      if (signal.aborted || problem.name === 'AbortError') return;
      this.problem = problem;
    }
    this.busy = false;
    this.plan();
  }

  ask(offset, limit, signal) {
    const [key, down] = this.sorting();
    return this.source({ ...this.wanted, sort: (down ? '-' : '') + key, offset, limit }, signal);
  }

  plan() {
    clearTimeout(this.later);
    if (this.isConnected) this.later = setTimeout(() => (document.hidden ? this.plan() : this.refresh()), PAUSE);
  }

  /** Another search, filter or order. What is not shown any more is not selected either. */
  want(change, pause = 0) {
    this.wanted = { ...this.wanted, page: 1, ...change };
    if (!('sort' in change)) this.picked = new Map();
    this.turn(1, pause);
  }

  turn(page, pause = 0) {
    this.wanted = { ...this.wanted, page };
    noteInAddress({ ...this.wanted, page: page > 1 ? page : '' });
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.refresh(), pause);
  }

  /** @return the column's key, and 'down' where it is turned round */
  sorting() {
    const wanted = this.wanted.sort.split('.');
    return this.columns.some((each) => each.sort && each.key === wanted[0]) ? wanted : [this.order ?? 'name'];
  }

  get narrowed() {
    return Boolean(this.wanted.q || this.filters.some((each) => this.wanted[each.key]));
  }

  render() {
    const { rows, count, problem } = this;
    if (rows && !count && this.bare) return html`<div class="card">${this.nothingYet}</div>`;
    const pages = Math.max(1, Math.ceil((count ?? 0) / PAGE));
    const { page } = this.wanted;
    return html`
      <div class="card" aria-busy=${this.busy ? 'true' : 'false'}>
        <div class="tools">
          <div class="search">${icon('search')}<input type="search" maxlength="200" aria-label=${t.table.search(this.label)} placeholder=${t.table.placeholder} autocomplete="off" spellcheck="false"
            .value=${this.wanted.q} @input=${(event) => this.want({ q: event.target.value }, TYPING)}></div>
          ${this.filters.map(
            (each) => html`<select aria-label=${each.label} @change=${(event) => this.want({ [each.key]: event.target.value })}>
            <option value="">${each.label}</option>${this.options(each).map(([key, text]) => html`<option value=${key} ?selected=${this.wanted[each.key] === key}>${text}</option>`)}</select>`,
          )}
        </div>
        ${
          this.hasBulk
            ? html`<rw-bulk .rows=${[...this.picked.values()]} .acts=${this.bulk} .linkOf=${this.linkOf} @done=${() => this.refresh()}></rw-bulk>`
            : nothing
        }
        ${
          problem && !rows
            ? html`<div class="pad">${fault(problem, html`<div><button @click=${() => this.refresh()}>${t.again}</button></div>`)}</div>`
            : html`<div class="scroll" tabindex="0" role="group" aria-label=${this.label}><table class="fixed rows">
          <colgroup>${this.hasBulk ? html`<col class="tick">` : nothing}${this.columns.map((each) => html`<col width=${each.width ?? nothing}>`)}</colgroup>
          <thead><tr>${this.hasBulk ? this.pickAll() : nothing}${this.columns.map((each) => this.heading(each))}</tr></thead>
          <tbody @click=${opened}>${
            rows
              ? rows.map(
                  (row) =>
                    html`<tr>${this.hasBulk ? this.pick(row) : nothing}${this.columns.map((each) => html`<td class=${each.key}>${each.cell(row)}</td>`)}</tr>`,
                )
              : Array.from(
                  { length: 5 },
                  () => html`<tr>${this.hasBulk ? html`<td></td>` : nothing}${this.columns.map(() => html`<td><span class="ghost"></span></td>`)}</tr>`,
                )
          }</tbody>
        </table></div>`
        }
        ${rows && !count ? empty('search', t.table.noMatch, t.table.noMatchText, html`<button @click=${() => this.clear()}>${t.table.clear}</button>`) : nothing}
        <div class="pager">
          <span class="row"><span role="status">${rows ? t.table.count(count, count) : problem ? '' : t.loading}</span><rw-age .at=${this.at} .problem=${rows ? problem : null} .again=${() => this.refresh()}></rw-age><span aria-live="polite">${this.busy ? late() : nothing}</span></span>
          ${
            pages > 1
              ? html`<span class="row">
            <button ?disabled=${page === 1} @click=${() => this.turn(page - 1)}>${t.table.back}</button>
            <span>${t.table.page(page, pages)}</span>
            <button ?disabled=${page >= pages} @click=${() => this.turn(page + 1)}>${t.table.forward}</button></span>`
              : nothing
          }
        </div>
      </div>`;
  }

  get hasBulk() {
    return this.bulk?.length > 0;
  }

  /** Of those that the search and the filters leave, on whichever page they are. */
  pickAll() {
    const most = Math.min(this.count ?? 0, MOST);
    const label = t.bulk.all(most, this.count ?? 0);
    const { size } = this.picked;
    return html`<th scope="col" class="tick"><input type="checkbox" aria-label=${label} title=${label}
      .checked=${size > 0 && size >= most} .indeterminate=${size > 0 && size < most}
      @change=${async ({ target }) => {
        this.picked = new Map();
        if (!target.checked) return;
        const { signal } = this.leaving;
        try {
          const { rows } = await this.ask(0, MOST, signal);
          if (!signal.aborted) this.picked = new Map(rows.map((row) => [row.id, row]));
        } catch (problem) {
          if (!signal.aborted) this.problem = problem;
        }
        this.requestUpdate();
      }}></th>`;
  }

  pick(row) {
    return html`<td class="tick"><input type="checkbox" aria-label=${t.bulk.one(row.name)} .checked=${this.picked.has(row.id)}
      @change=${(event) => {
        const picked = new Map(this.picked);
        if (event.target.checked) picked.set(row.id, row);
        else picked.delete(row.id);
        this.picked = picked;
      }}></td>`;
  }

  /** With the one of a link that names several at once. */
  options({ key, options }) {
    const wanted = this.wanted[key];
    if (!wanted || options.some(([each]) => each === wanted)) return options;
    const names = new Map(options);
    return [
      [
        wanted,
        wanted
          .split(',')
          .map((each) => names.get(each) ?? each)
          .join(', '),
      ],
      ...options,
    ];
  }

  heading(column) {
    if (!column.sort) return html`<th scope="col">${column.key === 'actions' ? html`<span class="sr">${column.label}</span>` : column.label}</th>`;
    const [key, down] = this.sorting();
    const on = key === column.key;
    return html`<th scope="col" aria-sort=${on ? (down ? 'descending' : 'ascending') : nothing}>
      <button @click=${() => this.want({ sort: on && !down ? `${key}.down` : column.key })}>${column.label}${icon(on ? (down ? 'down' : 'up') : 'sort')}</button></th>`;
  }

  clear() {
    this.want({ q: '', ...Object.fromEntries(this.filters.map((each) => [each.key, ''])) });
    this.querySelectorAll('.tools select').forEach((each) => (each.value = ''));
  }
}
customElements.define('rw-table', Table);

/** A click anywhere on a row opens it; what can be clicked or is selected there stays what it is. */
export function opened(event) {
  const { target } = event;
  if (event.defaultPrevented || target.closest('a, button, input, label, [role=menu]') || String(document.getSelection())) return;
  const href = target.closest('tr')?.querySelector('a.cell-main')?.getAttribute('href');
  if (href) go(href.slice(link().length));
}
