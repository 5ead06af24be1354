// A table over a whole list: rows come a thousand at a time, and are searched, filtered, sorted and paged here.
import { all } from './api.js';
import { note as noteInAddress, route } from './router.js';
import { Part, empty, fault, html, icon, nothing } from './ui.js';
import './bulk.js';
import './live.js';
import { t } from './texts.js';

const PAGE = 25;
/** Lists up to this long are followed; longer ones are read again when asked to. */
const FOLLOWED = 1000;
const PAUSE = 30_000;
const order = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/**
 * @property columns objects of key, label, width (a class), cell(row), sort(row) if it sorts by it
 * @property load (seen, signal) gives all rows, and tells of those so far
 * @property text (row) what the search looks in
 * @property filters objects of key, label, options (pairs), test(row, value)
 * @property order key of the column by which rows stand unless somebody wants otherwise
 * @property bulk what can be done to many rows, as rw-bulk takes it; absent: nothing
 * @property linkOf (row) where its page is
 * @property nothingYet what to show for an empty list
 */
class Table extends Part {
  static properties = {
    columns: {},
    load: {},
    text: {},
    filters: {},
    order: {},
    bulk: {},
    linkOf: {},
    picked: { state: true },
    nothingYet: {},
    label: {},
    at: { state: true },
    rows: { state: true },
    whole: { state: true },
    problem: { state: true },
    wanted: { state: true },
  };

  constructor() {
    super();
    const query = route().query;
    this.wanted = { q: '', sort: '', page: 1, ...Object.fromEntries(query) };
    this.wanted.page = Math.max(1, Number(this.wanted.page) || 1);
    this.filters = [];
    this.picked = new Set();
  }

  connectedCallback() {
    super.connectedCallback();
    this.refresh();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.later);
    this.leaving?.abort();
  }

  /** Reads the list again; what is shown stays until it is there. */
  async refresh() {
    clearTimeout(this.later);
    this.leaving?.abort();
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    this.whole = this.whole && Boolean(this.rows);
    try {
      const first = !this.rows;
      const rows = await this.load((some) => first && (this.rows = some.slice()), signal);
      if (signal.aborted) return;
      this.rows = rows.slice();
      this.whole = true;
      this.problem = null;
      this.at = Date.now();
    } catch (problem) {
      if (signal.aborted || problem.name === 'AbortError') return;
      this.problem = problem;
    }
    this.plan();
  }

  plan() {
    clearTimeout(this.later);
    if (!this.isConnected || this.rows?.length > FOLLOWED) return;
    this.later = setTimeout(() => (document.hidden ? this.plan() : this.refresh()), PAUSE);
  }

  want(change) {
    this.wanted = { ...this.wanted, page: 1, ...change };
    noteInAddress({ ...this.wanted, page: this.wanted.page > 1 ? this.wanted.page : '' });
  }

  /** @return the column's key, and 'down' where it is turned round */
  sorting() {
    return (this.wanted.sort || this.order || '').split('.');
  }

  shown() {
    const words = this.wanted.q.toLowerCase().split(/\s+/).filter(Boolean);
    let rows = this.rows ?? [];
    const texts = (this.texts ??= new WeakMap());
    const textOf = (row) => texts.get(row) ?? (texts.set(row, this.text(row).toLowerCase()), texts.get(row));
    // What is not on the page matches only if somebody has its id: the beginning of one, and no piece of it.
    const named = (row, word) => word.length >= 8 && String(row.id ?? '').startsWith(word);
    if (words.length) rows = rows.filter((row) => words.every((word) => textOf(row).includes(word) || named(row, word)));
    for (const each of this.filters) {
      const value = this.wanted[each.key];
      if (value) rows = rows.filter((row) => each.test(row, value));
    }
    const [key, down] = this.sorting();
    const by = this.columns.find((each) => each.key === key)?.sort;
    if (by) {
      const sorted = rows.map((row) => [by(row), row]);
      // What has no value comes last, whichever way; among equals the name decides, 16 before 106.
      const compare = ([a], [b]) =>
        a == null ? (b == null ? 0 : 1) : b == null ? -1 : (down ? -1 : 1) * (typeof a === 'number' ? a - b : order.compare(a, b));
      sorted.sort((a, b) => compare(a, b) || order.compare(a[1].name ?? '', b[1].name ?? ''));
      rows = sorted.map(([, row]) => row);
    }
    return rows;
  }

  render() {
    if (this.problem && !this.rows) {
      return html`<div class="card pad">${fault(this.problem, html`<div><button @click=${() => this.refresh()}>${t.again}</button></div>`)}</div>`;
    }
    if (this.whole && !this.rows.length) return html`<div class="card">${this.nothingYet}</div>`;
    const rows = this.shown();
    const pages = Math.max(1, Math.ceil(rows.length / PAGE));
    const page = Math.min(this.wanted.page, pages);
    const here = rows.slice((page - 1) * PAGE, page * PAGE);
    return html`
      <div class="card" aria-busy=${this.whole || this.problem ? 'false' : 'true'}>
        <div class="tools">
          <div class="search">${icon('search')}<input type="search" aria-label=${t.table.search(this.label)} placeholder=${t.table.placeholder} autocomplete="off" spellcheck="false"
            .value=${this.wanted.q} @input=${(event) => this.want({ q: event.target.value })}></div>
          ${this.filters.map(
            (each) => html`<select aria-label=${each.label} @change=${(event) => this.want({ [each.key]: event.target.value })}>
            <option value="">${each.label}</option>${this.options(each).map(([key, text]) => html`<option value=${key} ?selected=${this.wanted[each.key] === key}>${text}</option>`)}</select>`,
          )}
        </div>

        ${
          this.hasBulk
            ? html`<rw-bulk .rows=${rows.filter((row) => this.picked.has(row.id))} .acts=${this.bulk} .linkOf=${this.linkOf} @done=${() => this.refresh()}></rw-bulk>`
            : nothing
        }
        <div class="scroll" tabindex="0" role="group" aria-label=${this.label}><table class="fixed">
          <colgroup>${this.hasBulk ? html`<col class="tick">` : nothing}${this.columns.map((each) => html`<col width=${each.width ?? nothing}>`)}</colgroup>
          <thead><tr>${this.hasBulk ? this.pickAll(rows) : nothing}${this.columns.map((each) => this.heading(each))}</tr></thead>
          <tbody>${
            this.rows
              ? here.map(
                  (row) =>
                    html`<tr>${this.hasBulk ? this.pick(row) : nothing}${this.columns.map((each) => html`<td class=${each.key === 'actions' ? 'actions' : ''}>${each.cell(row)}</td>`)}</tr>`,
                )
              : Array.from(
                  { length: 5 },
                  () => html`<tr>${this.hasBulk ? html`<td></td>` : nothing}${this.columns.map(() => html`<td><span class="ghost"></span></td>`)}</tr>`,
                )
          }</tbody>
        </table></div>
        ${this.whole && !rows.length ? empty('search', t.table.noMatch, t.table.noMatchText, html`<button @click=${() => this.clear()}>${t.table.clear}</button>`) : nothing}
        <div class="pager">
          <span class="row"><span role="status">${this.whole ? t.table.count(rows.length, this.rows.length) : t.table.soFar(this.rows?.length ?? 0)}</span><rw-age .at=${this.at} .problem=${this.problem} .again=${() => this.refresh()}></rw-age></span>
          ${
            pages > 1
              ? html`<span class="row">
            <button ?disabled=${page === 1} @click=${() => this.want({ page: page - 1 })}>${t.table.back}</button>
            <span>${t.table.page(page, pages)}</span>
            <button ?disabled=${page === pages} @click=${() => this.want({ page: page + 1 })}>${t.table.forward}</button></span>`
              : nothing
          }
        </div>
      </div>`;
  }

  get hasBulk() {
    return this.bulk?.length > 0;
  }

  /** Of those that the search and the filters leave: what is not shown is not done. */
  pickAll(rows) {
    const count = rows.filter((row) => this.picked.has(row.id)).length;
    return html`<th scope="col" class="tick"><input type="checkbox" aria-label=${t.bulk.all(rows.length)} title=${t.bulk.all(rows.length)}
      .checked=${count > 0 && count === rows.length} .indeterminate=${count > 0 && count < rows.length}
      @change=${(event) => (this.picked = new Set(event.target.checked ? rows.map((row) => row.id) : []))}></th>`;
  }

  pick(row) {
    return html`<td class="tick"><input type="checkbox" aria-label=${t.bulk.one(row.name)} .checked=${this.picked.has(row.id)}
      @change=${(event) => {
        const picked = new Set(this.picked);
        if (event.target.checked) picked.add(row.id);
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

/** Loads one list of the API as it is. */
export const listOf = (path, name, query) => (seen, signal) => all(path, name, query, seen, signal);
