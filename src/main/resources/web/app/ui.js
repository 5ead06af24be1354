// The pieces that every page is made of. Everything renders into the page itself: labels, forms and styles are one world.
import { LitElement, html, nothing, svg } from 'lit';
import { Problem } from './api.js';
import { t } from './texts.js';

export { html, nothing, svg };

/** A view or piece without a shadow. */
export class Part extends LitElement {
  createRenderRoot() {
    return this;
  }
}

// ---- Small things -----------------------------------------------------------------------------------------------------

const PATHS = {
  overview: 'M4 13h6V4H4zm10 7h6V11h-6zM4 20h6v-3H4zM14 7h6V4h-6z',
  connections: 'M12 4c4.4 0 8 1.3 8 3s-3.6 3-8 3-8-1.3-8-3 3.6-3 8-3M4 7v10c0 1.7 3.6 3 8 3s8-1.3 8-3V7M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3',
  rotations: 'M20 11a8 8 0 0 0-14.3-4L4 9m0-5v5h5M4 13a8 8 0 0 0 14.3 4L20 15m0 5v-5h-5',
  webhooks: 'M18 8a6 6 0 0 0-12 0c0 7-3 7-3 9h18c0-2-3-2-3-9M10 20.5a2.2 2.2 0 0 0 4 0',
  audit: 'M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01',
  identities: 'M16 20a6 6 0 0 0-12 0m6-9a4 4 0 1 0 0-8 4 4 0 0 0 0 8m5-7.5a4 4 0 0 1 0 7M20 20a6 6 0 0 0-4-5.6',
  projects: 'M3 7a2 2 0 0 1 2-2h4l2 2h8a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z',
  keys: 'M15 9h.01M14 3a7 7 0 0 0-6.7 9L3 16.3V21h4.7v-3h3v-3l1.3-.9A7 7 0 1 0 14 3',
  search: 'm20 20-4.2-4.2M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14',
  add: 'M12 5v14M5 12h14',
  good: 'm5 12.5 4.5 4.5L19 7.5',
  bad: 'M6 6l12 12M18 6 6 18',
  warn: 'M12 9v4m0 4h.01M10.3 4 2.6 17.5A2 2 0 0 0 4.3 20.5h15.4a2 2 0 0 0 1.7-3L13.7 4a2 2 0 0 0-3.4 0',
  info: 'M12 11v5m0-8h.01M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18',
  idle: 'M6 12h12',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  more: 'M12 6h.01M12 12h.01M12 18h.01',
  sort: 'm8 10 4-4 4 4M8 14l4 4 4-4',
  up: 'm6 15 6-6 6 6',
  down: 'm6 9 6 6 6-6',
  shield: 'M12 3 5 6v5c0 4.6 2.9 8.4 7 10 4.1-1.6 7-5.4 7-10V6z',
  eye: 'M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6',
  sun: 'M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8m0-13v2m0 14v2M3 12h2m14 0h2M5.6 5.6 7 7m10 10 1.4 1.4M5.6 18.4 7 17M17 7l1.4-1.4',
  out: 'M15 4h4v16h-4M10 8l-4 4 4 4m-4-4h10',
};

export const icon = (name) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${PATHS[name]}></path></svg>`;
export const spinner = () => html`<span class="spinner" aria-hidden="true"></span>`;
export const badge = (kind, text, title) => html`<span class="badge ${kind}" title=${title ?? nothing}>${text}</span>`;

export const note = (kind, heading, text, more) => html`
  <div class="note ${kind}" role=${kind === 'bad' ? 'alert' : nothing}>
    ${icon(kind === 'good' ? 'good' : kind === 'bad' || kind === 'warn' ? 'warn' : 'info')}
    <div class="stack tight">${heading ? html`<strong>${heading}</strong>` : nothing}${text ? html`<p>${text}</p>` : nothing}${more ?? nothing}</div>
  </div>`;

/** What went wrong, how to fix it, and the id to ask about. */
export function fault(problem, more) {
  if (!problem) return nothing;
  if (!(problem instanceof Problem)) throw problem;
  const stray = Object.entries(problem.issues).filter(([path]) => !shown(path));
  const listed = (problem.details.problems ?? []).map(
    (each) => html`<li>${each.role ? html`<strong>${each.role}</strong>: ` : nothing}${each.message}${each.sql ? code(each.sql) : nothing}</li>`,
  );
  return note(
    'bad',
    problem.heading,
    problem.remedy,
    html`
    ${problem.message !== problem.heading ? html`<p class="small">${problem.message}</p>` : nothing}
    ${reasonOf(problem)}
    ${stray.length ? html`<ul class="small">${stray.map(([path, message]) => html`<li><code>${path}</code>: ${message}</li>`)}</ul>` : nothing}
    ${listed.length ? html`<ul class="stack tight small">${listed}</ul>` : nothing}
    ${more ?? nothing}
    ${problem.requestId ? html`<p class="small muted">${t.problem.request} <code>${problem.requestId}</code></p>` : nothing}`,
  );
}

/** Why, where the code says only that it failed. */
function reasonOf(problem) {
  const [heading, text] = problem.cause;
  return heading === problem.heading ? nothing : html`<p class="small"><strong>${heading}.</strong> ${text}</p>`;
}

/** Whether the form on the page has a place for this field's fault. */
const shown = (path) => document.querySelector(`[data-path="${CSS.escape(path)}"]`) !== null;

export const empty = (sign, heading, text, action) => html`
  <div class="empty">${icon(sign)}<h2>${heading}</h2><p>${text}</p>${action ?? nothing}</div>`;

/** For who waits longer than usual. */
export const late = () => html`<span class="late">${t.late}</span>`;

export const loading = () => html`<div class="empty" role="status">${spinner()}<p>${t.loading} ${late()}</p></div>`;

/** @param crumbs pairs of text and link */
export const head = (heading, text, { crumbs = [], actions, beside } = {}) => html`
  <header class="head">
    <div class="grow">
      ${crumbs.length ? html`<nav class="crumbs" aria-label=${t.crumbs}>${crumbs.map(([name, href]) => html`<a href=${href}>${name}</a><span aria-hidden="true">/</span>`)}</nav>` : nothing}
      <div class="row"><h1 tabindex="-1" class="break">${heading}</h1>${beside ?? nothing}</div>
      ${text ? html`<p>${text}</p>` : nothing}
    </div>
    ${actions ? html`<div class="row">${actions}</div>` : nothing}
  </header>`;

/** Tells eyes and screen readers what has just been done. */
export function say(text) {
  document.querySelector('rw-app').say(text);
}

export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without HTTPS there is no clipboard to write to; the old way still works.
    const area = Object.assign(document.createElement('textarea'), { value: text });
    (document.querySelector('dialog[open]') ?? document.body).append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  say(t.copied(what));
}

export const copyButton = (text, what, label) => html`
  <button type="button" class=${label ? 'quiet' : 'icon-only'} aria-label=${label ? nothing : t.copy(what)} title=${label ? nothing : t.copy(what)}
    @click=${() => copy(typeof text === 'function' ? text() : text, what)}>${icon('copy')}${label ?? nothing}</button>`;

/** @param secret shown dotted, copied in clear */
export const code = (text, what = t.sql) => html`
  <div class="codebox"><pre class="code" tabindex="0" aria-label=${what}>${text}</pre><div>${copyButton(text, what, t.copy(what))}</div></div>`;

/**
 * A table that is read and not searched; on a phone each row is a block, and each cell says which heading it belongs to.
 *
 * @param columns triples of heading (empty: what can be done), cell(row), class of the cell
 */
export const plain = (label, columns, rows, kind = '') => html`<div class="scroll" tabindex="0" role="group" aria-label=${label}><table class="plain ${kind}">
  <thead><tr>${columns.map(([name]) => html`<th scope="col">${name || html`<span class="sr">${t.actions}</span>`}</th>`)}</tr></thead>
  <tbody>${rows.map((row) => html`<tr>${columns.map(([name, cell, of]) => html`<td class=${of ?? nothing} data-label=${name}>${cell(row)}</td>`)}</tr>`)}</tbody></table></div>`;

/** Draws a picture for the width that there is, so that its letters are as large as all others. @property draw (width in pixels) */
class Fit extends Part {
  static properties = { draw: {}, width: { state: true } };

  connectedCallback() {
    super.connectedCallback();
    // In the next frame: what is drawn alters the height, which the observer must not see in this one.
    this.watch = new ResizeObserver(([{ contentRect }]) => requestAnimationFrame(() => (this.width = Math.round(contentRect.width))));
    this.watch.observe(this);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.watch.disconnect();
  }

  render() {
    return this.width ? this.draw(this.width) : nothing;
  }
}
customElements.define('rw-fit', Fit);

export const fit = (draw) => html`<rw-fit .draw=${draw}></rw-fit>`;

// ---- Times ------------------------------------------------------------------------------------------------------------

// One way to write a date on every page, whatever the browser's language: the texts are English.
const LOCAL = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
const PRECISE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
const UTC = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium', timeZone: 'UTC' });
export const DATE = new Intl.DateTimeFormat('en-GB', { month: 'short', day: 'numeric' });
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];

export const local = (at) => LOCAL.format(new Date(at));
/** With seconds, for what is compared with logs. */
export const precise = (at) => PRECISE.format(new Date(at));
export const utc = (at) => `${UTC.format(new Date(at))} UTC`;

export function relative(at) {
  const millis = new Date(at) - Date.now();
  const [unit, size] = UNITS.find(([, each]) => Math.abs(millis) >= each) ?? ['second', 1000];
  return Math.abs(millis) < 60_000 && millis <= 0 ? t.justNow : RELATIVE.format(Math.round(millis / size), unit);
}

/** How long ago, or until when; it ticks. */
class When extends HTMLElement {
  static observedAttributes = ['at'];
  static all = new Set();

  connectedCallback() {
    When.all.add(this);
    this.tell();
  }

  disconnectedCallback() {
    When.all.delete(this);
  }

  attributeChangedCallback() {
    if (this.isConnected) this.tell();
  }

  tell() {
    const at = this.getAttribute('at');
    const time = this.firstElementChild ?? this.appendChild(document.createElement('time'));
    const text = relative(at);
    if (time.textContent === text && time.dateTime === at) return;
    time.dateTime = at;
    time.title = `${precise(at)} · ${utc(at)}`;
    time.textContent = text;
  }
}
customElements.define('rw-when', When);
setInterval(() => document.hidden || When.all.forEach((each) => each.tell()), 1000);

export const when = (at, none = '–') => (at ? html`<rw-when at=${at}></rw-when>` : html`<span class="muted">${none}</span>`);

export function lasted(from, to) {
  if (!to) return '–';
  const millis = new Date(to) - new Date(from);
  return millis < 1000
    ? `${millis} ms`
    : millis < 60_000
      ? `${(millis / 1000).toFixed(1)} s`
      : RELATIVE.formatToParts(Math.round(millis / 60_000), 'minute')
          .slice(1)
          .map((p) => p.value)
          .join('')
          .trim();
}

// ---- Forms ------------------------------------------------------------------------------------------------------------

/** As many are looked over without a search. */
const FEW = 12;

let ids = 0;
/** An id of its own for each path of each form. */
export const formId = () => `f${++ids}`;

/**
 * One labelled control.
 *
 * @param form has id, values, issues and change(path, value)
 * @param path of the value, as the API names it in its issues
 */
export function field(
  form,
  path,
  label,
  { hint, type = 'text', options, required, disabled, rows, min, max, autocomplete = 'off', mono, placeholder, list } = {},
) {
  const id = `${form.id}-${path}`;
  const wrong = form.issues[path];
  const value = form.values[path] ?? '';
  const about = [hint && `${id}-hint`, wrong && `${id}-fault`].filter(Boolean).join(' ') || nothing;
  const change = (event) => form.change(path, event.target.value);
  const control = options
    ? html`<select id=${id} data-path=${path} .value=${String(value)} ?disabled=${disabled} aria-describedby=${about} aria-invalid=${wrong ? 'true' : nothing} @change=${change}>
        ${options.map(([key, text]) => html`<option value=${key} ?selected=${String(value) === key}>${text}</option>`)}</select>`
    : rows
      ? html`<textarea id=${id} data-path=${path} rows=${rows} spellcheck="false" autocomplete="off" placeholder=${placeholder ?? nothing} .value=${value} ?disabled=${disabled} ?required=${required}
          aria-describedby=${about} aria-invalid=${wrong ? 'true' : nothing} @input=${change}></textarea>`
      : html`<input id=${id} data-path=${path} type=${type} .value=${String(value)} ?disabled=${disabled} ?required=${required} min=${min ?? nothing} max=${max ?? nothing} list=${list ?? nothing}
          class=${mono ? 'mono' : ''} spellcheck="false" autocapitalize="none" autocomplete=${autocomplete} placeholder=${placeholder ?? nothing} aria-describedby=${about} aria-invalid=${wrong ? 'true' : nothing} @input=${change}>`;
  return html`
    <div class="field">
      <label for=${id}>${label}${required ? nothing : html`<span class="muted small"> ${options || disabled ? '' : t.form.optional}</span>`}</label>
      ${control}
      ${hint ? html`<span class="hint" id="${id}-hint">${hint}</span>` : nothing}
      ${wrong ? html`<span class="fault" id="${id}-fault">${wrong}</span>` : nothing}
    </div>`;
}

/**
 * A choice of what may be many: what is typed above it narrows it. The chosen one stays, whatever is typed.
 *
 * @param more as of `field`; where the service has looked by `${path}.find` also `count`, how many it has found, and `first`, how many of them it gave
 */
export function searched(form, path, label, options, { count, first, ...more } = {}) {
  const words = count === undefined ? (form.values[`${path}.find`] ?? '').toLowerCase().split(/\s+/).filter(Boolean) : [];
  const fits = ([key, text]) => !key || key === form.values[path] || words.every((word) => text.toLowerCase().includes(word));
  const many = options.length > FEW || form.values[`${path}.find`];
  return html`<div class="stack tight">${many ? field(form, `${path}.find`, t.form.find(label), { placeholder: t.table.placeholder, required: true }) : nothing}
    ${field(form, path, label, { ...more, options: options.filter(fits), hint: count > first ? t.form.firstOf(first, count) : more.hint })}</div>`;
}

export function toggle(form, path, label, hint, { disabled, asSwitch } = {}) {
  const id = `${form.id}-${path}`;
  return html`
    <div class="check ${asSwitch ? 'switch' : ''}">
      <input id=${id} data-path=${path} type="checkbox" role=${asSwitch ? 'switch' : nothing} .checked=${Boolean(form.values[path])} ?disabled=${disabled}
        aria-describedby=${hint ? `${id}-hint` : nothing} @change=${(event) => form.change(path, event.target.checked)}>
      <label for=${id}>${label}</label>
      ${hint ? html`<span class="hint" id="${id}-hint">${hint}</span>` : nothing}
    </div>`;
}

/** Exactly one of a few, each with a sentence. @param choices triples of key, label, hint */
export const choice = (form, path, legend, choices, { disabled } = {}) => html`
  <fieldset class="choice"><legend>${legend}</legend>
    ${choices.map(
      ([key, label, hint]) => html`
      <div class="check">
        <input type="radio" id="${form.id}-${path}-${key}" name="${form.id}-${path}" .checked=${form.values[path] === key} ?disabled=${disabled}
          aria-describedby="${form.id}-${path}-${key}-hint" @change=${() => form.change(path, key)}>
        <label for="${form.id}-${path}-${key}">${label}</label><span class="hint" id="${form.id}-${path}-${key}-hint">${hint}</span>
      </div>`,
    )}
  </fieldset>`;

/** Values and faults of a form; redraws its part at each change. */
export class Form {
  id = formId();
  issues = {};
  problem = null;
  busy = false;
  touched = false;

  constructor(part, values, changed = () => {}) {
    this.part = part;
    this.values = values;
    this.changed = changed;
  }

  change(path, value) {
    this.values = { ...this.values, [path]: value };
    this.touched ||= !path.endsWith('.find'); // to look is not to enter
    if (this.issues[path]) this.issues = { ...this.issues, [path]: undefined };
    this.changed(path);
    this.part.requestUpdate();
  }

  /** Shows faults and takes the reader to the first. @return whether there are none */
  faults(issues) {
    this.issues = issues;
    this.part.requestUpdate();
    const any = Object.values(issues).some(Boolean);
    if (any) {
      this.part.updateComplete.then(() => this.part.querySelector('[aria-invalid="true"]:not([disabled])')?.focus());
    }
    return !any;
  }

  /** Does the work once at a time, and shows how it failed. @return what it returned; undefined if it failed */
  async submit(work) {
    if (this.busy) return undefined;
    this.busy = true;
    this.problem = null;
    this.part.requestUpdate();
    try {
      const done = await work();
      this.touched = false;
      return done;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.problem = problem;
      this.faults(problem.issues);
      return undefined;
    } finally {
      this.busy = false;
      this.part.requestUpdate();
    }
  }
}

/** What of the values differs from what they were, by name. */
export const changed = (values, before) =>
  Object.fromEntries(Object.entries(values).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name])));

export const submitButton = (form, text, busyText, kind = 'primary') => html`
  <button class=${kind} aria-disabled=${form.busy ? 'true' : nothing}>${form.busy ? html`${spinner()}${busyText}` : text}</button>`;

// ---- Dialogs and menus --------------------------------------------------------------------------------------------------

/**
 * Open as long as it is in the page; its content is drawn here, so listeners in it must not need a `this`. Escape and the
 * browser's way to go back ask its owner to close it.
 */
class Modal extends Part {
  static properties = { heading: {}, content: {}, fixed: { type: Boolean } };

  connectedCallback() {
    super.connectedCallback();
    this.opener = document.activeElement;
  }

  firstUpdated() {
    this.querySelector('dialog').showModal();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.opener?.isConnected && this.opener.focus();
  }

  render() {
    return html`
      <dialog aria-labelledby="${(this.headingId ??= formId())}" @cancel=${(event) => {
        event.preventDefault();
        if (!this.fixed) this.dispatchEvent(new Event('dismiss'));
      }}><div><h2 id=${this.headingId}>${this.heading}</h2>${this.content}</div></dialog>`;
  }
}
customElements.define('rw-modal', Modal);

export const modal = (heading, content, dismiss) => html`<rw-modal .heading=${heading} .content=${content} .fixed=${!dismiss} @dismiss=${dismiss}></rw-modal>`;

/** Actions behind one button. @param items objects of text, act, danger; null ones are left out */
class Menu extends Part {
  static properties = { label: {}, items: {}, open: { state: true } };

  close = (event) => {
    if (event && event.type !== 'scroll' && this.contains(event.target)) return;
    // A scroll that was under way before, or elsewhere, moves nothing away from under the reader.
    if (event?.type === 'scroll' && this.querySelector('button').getBoundingClientRect().top === this.top) return;
    this.open = false;
    document.removeEventListener('pointerdown', this.close);
    removeEventListener('scroll', this.close, true);
  };

  async show(first) {
    this.open = true;
    this.top = this.querySelector('button').getBoundingClientRect().top;
    document.addEventListener('pointerdown', this.close);
    addEventListener('scroll', this.close, true);
    await this.updateComplete;
    // Above everything, so that no table cuts it off; beside its button, and inside the window.
    const panel = this.querySelector('[role=menu]');
    panel.showPopover();
    const button = this.querySelector('button').getBoundingClientRect();
    this.top = button.top;
    const { offsetWidth: width, offsetHeight: height } = panel;
    panel.style.left = `${Math.max(8, button.right - width)}px`;
    panel.style.top = `${button.bottom + height + 12 > innerHeight ? Math.max(8, button.top - height - 4) : button.bottom + 4}px`;
    const entries = this.entries();
    (first ? entries[0] : entries.at(-1)).focus({ preventScroll: true });
  }

  entries() {
    return [...this.querySelectorAll('[role=menuitem]')];
  }

  key(event) {
    const entries = this.entries();
    const at = entries.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (to !== undefined) {
      event.preventDefault();
      if (this.open) entries.at(to % entries.length).focus();
      else this.show(event.key === 'ArrowDown');
    } else if (event.key === 'Escape' && this.open) {
      event.stopPropagation();
      this.close();
      this.querySelector('button').focus();
    } else if (event.key === 'Tab') {
      this.close();
    }
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.close();
  }

  render() {
    return html`
      <div class="menu" @keydown=${this.key}>
        <button type="button" class="icon-only" aria-haspopup="menu" aria-expanded=${this.open ? 'true' : 'false'} aria-label=${this.label} title=${this.label}
          @click=${() => (this.open ? this.close() : this.show(true))}>${icon('more')}</button>
        ${
          this.open
            ? html`<div role="menu" popover="manual" aria-label=${this.label}>${this.items.filter(Boolean).map(
                (item) => html`
          <button type="button" role="menuitem" tabindex="-1" class=${item.danger ? 'danger' : ''} @click=${() => {
            this.close();
            this.querySelector('button').focus();
            item.act();
          }}>${item.text}</button>`,
              )}</div>`
            : nothing
        }
      </div>`;
  }
}
customElements.define('rw-menu', Menu);

export const menu = (label, items) => html`<rw-menu .label=${label} .items=${items}></rw-menu>`;

/** One of several panels. @param tabs pairs of key and text */
export const tabs = (label, entries, chosen, choose) => html`
  <div class="tabs" role="tablist" aria-label=${label} @keydown=${(event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const keys = entries.map(([key]) => key);
    const to = (keys.indexOf(chosen) + step + keys.length) % keys.length;
    choose(keys[to]);
    event.currentTarget.children[to].focus();
  }}>${entries.map(
    ([key, text]) => html`
    <button type="button" role="tab" id="tab-${key}" aria-selected=${key === chosen ? 'true' : 'false'} aria-controls="panel-${key}" tabindex=${key === chosen ? 0 : -1}
      @click=${() => choose(key)}>${text}</button>`,
  )}</div>`;
