// The frame around every view: who is signed in, where one is, and what was just done.
import { keyed } from 'lit/directives/keyed.js';
import { Problem, get, session } from './api.js';
import { guardWith, link, onRoute, route } from './router.js';
import { Form, Part, fault, field, head, html, icon, loading, modal, note, nothing, submitButton } from './ui.js';
import { t } from './texts.js';
import './overview.js';
import './trouble.js';
import './connections.js';
import './connection.js';
import './rotations.js';
import './rotation.js';

let later;

/** The pages that are not there from the beginning. @return null, or the fault if the file does not come */
async function loaded() {
  try {
    await (later ??= import('./later.js'));
    return null;
  } catch {
    later = undefined;
    return new Problem(0, { code: 'unreachable', message: t.problem.unreachable });
  }
}

/** Path, what shows it, the place in the navigation it belongs to, and what has to be there first. A part in braces is given to the view as `which`. */
const VIEWS = [
  [/^$/, () => html`<rw-overview></rw-overview>`, 'overview'],
  [/^troubles$/, () => html`<rw-troubles></rw-troubles>`, 'overview'],
  [/^connections$/, () => html`<rw-connections></rw-connections>`, 'connections'],
  [/^connections\/new(?:\/(postgres))?$/, (app) => html`<rw-new-connection .app=${app}></rw-new-connection>`, 'connections'],
  [/^connections\/([^/]+)$/, (id) => html`<rw-connection .which=${id}></rw-connection>`, 'connections'],
  [/^rotations$/, () => html`<rw-rotations></rw-rotations>`, 'rotations'],
  [/^rotations\/new$/, () => html`<rw-wizard></rw-wizard>`, 'rotations', loaded],
  [/^rotations\/([^/]+)$/, (id) => html`<rw-rotation .which=${id}></rw-rotation>`, 'rotations'],
  [/^webhooks$/, () => html`<rw-webhooks></rw-webhooks>`, 'webhooks', loaded],
  [/^webhooks\/([^/]+)$/, (id) => html`<rw-webhook .which=${id}></rw-webhook>`, 'webhooks', loaded],
  [/^audit$/, () => html`<rw-audit></rw-audit>`, 'audit', loaded],
  [/^identities$/, () => html`<rw-identities></rw-identities>`, 'identities', loaded],
  [/^identities\/([^/]+)$/, (id) => html`<rw-identity .which=${id}></rw-identity>`, 'identities', loaded],
  [/^projects$/, () => html`<rw-projects></rw-projects>`, 'projects', loaded],
  [/^projects\/([^/]+)$/, (id) => html`<rw-project .which=${id}></rw-project>`, 'projects', loaded],
  [/^keys$/, () => html`<rw-keys></rw-keys>`, 'keys', loaded],
];

/** Key, and the right without which it is not offered. */
const WORK = [
  ['overview', 'read:secret-rotation'],
  ['connections', 'read:app-connections'],
  ['rotations', 'read:secret-rotation'],
  ['webhooks', 'read:webhooks'],
];
const ADMINISTRATION = [
  ['audit', 'read:audit-logs'],
  ['identities', 'read:identities'],
  ['projects', 'read:projects'],
  ['keys', 'manage:keys'],
];

const THEMES = ['system', 'light', 'dark'];

class App extends Part {
  static properties = {
    state: { state: true },
    view: { state: true },
    toast: { state: true },
    theme: { state: true },
    copy: { state: true },
    broken: { state: true },
  };

  constructor() {
    super();
    this.state = session.state;
    this.theme = stored() ?? 'system';
    this.dress();
    session.listeners.add((state) => {
      if (state === 'out') guardWith(null);
      this.state = state;
      if (state === 'in' && !this.view) this.move();
      if (state === 'out') this.view = null;
      this.requestUpdate();
    });
    onRoute(() => this.signedIn && this.move());
    session.ask();
  }

  get signedIn() {
    return this.state === 'in' || this.state === 'expired';
  }

  firstUpdated() {
    // A fault of a page is said on it: the frame, and every other page, stay.
    addEventListener('error', ({ error }) => error && (this.broken = error));
    addEventListener('unhandledrejection', ({ reason }) => reason?.name !== 'AbortError' && (this.broken = reason));
    // What has the focus may be drawn anew, as a heading is when its data comes, or go: then the heading is where one is.
    this.addEventListener('focusin', (event) => (this.focused = event.target));
    new MutationObserver(() => {
      if (this.focused && !this.focused.isConnected && document.activeElement === document.body) this.querySelector('main h1')?.focus({ preventScroll: true });
    }).observe(this, { childList: true, subtree: true });
  }

  async move() {
    const mine = (this.moving = {});
    const { path } = route();
    const found = VIEWS.map(([form, show, place, first]) => [form.exec(path), show, place, first]).find(([match]) => match);
    const missing = await found?.[3]?.();
    if (this.moving !== mine || session.state === 'out') return; // somebody has gone on
    const shown = () =>
      missing
        ? html`${head(t.nav[found[2]], '')}${fault(missing, html`<div><button @click=${() => this.move()}>${t.again}</button></div>`)}`
        : found[1](found[0][1]);
    this.view = found
      ? { place: found[2], content: keyed(missing ? mine : path + location.search, shown()) }
      : { place: '', content: html`<rw-lost></rw-lost>` };
    this.broken = null;
    this.look();
    document.title = `${t.nav[this.view.place] ?? t.lost.heading} · ${t.name}`;
    this.updateComplete.then(async () => {
      scrollTo(0, 0);
      const view = this.querySelector('main').firstElementChild;
      await view.updateComplete;
      view.querySelector('h1')?.focus({ preventScroll: true });
    });
  }

  /** Whether the service works on a copy of its store, at every turn of the page. */
  async look() {
    try {
      this.copy = (await get('/api/status')).storeIsACopy;
    } catch {
      // The view says what is wrong.
    }
  }

  /** One line at the bottom, read aloud, gone after a while. */
  say(text) {
    clearTimeout(this.fading);
    this.toast = text;
    this.fading = setTimeout(() => (this.toast = ''), 4000);
  }

  dress() {
    if (this.theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.theme;
  }

  nextTheme() {
    this.theme = THEMES[(THEMES.indexOf(this.theme) + 1) % THEMES.length];
    try {
      localStorage.setItem('theme', this.theme);
    } catch {
      // Then it lasts as long as the page.
    }
    this.dress();
  }

  render() {
    return html`
      ${this.state === 'looking' ? html`<main class="sign-in">${loading()}</main>` : this.state === 'out' ? html`<rw-sign-in .unended=${session.unended}></rw-sign-in>` : this.frame()}
      ${this.state === 'expired' ? modal(t.signIn.again, html`<p>${t.signIn.againText}</p><rw-sign-in-form .clientId=${session.clientId}></rw-sign-in-form>`) : nothing}
      <div role="status" aria-live="polite" class=${this.toast ? 'toast' : 'sr'}>${this.toast}</div>`;
  }

  frame() {
    const entry = ([key, right]) =>
      session.may(right)
        ? html`
      <li><a href=${link(key === 'overview' ? '' : key)} aria-current=${this.view?.place === key ? 'page' : nothing}>${icon(key)}${t.nav[key]}</a></li>`
        : nothing;
    return html`
      <a class="skip" href="#main" @click=${(event) => {
        event.preventDefault();
        this.querySelector('main').focus();
      }}>${t.skip}</a>
      <div class="frame">
        <header class="side"><div>
          ${brand()}
          <nav aria-label=${t.navigation}>
            <ul>${WORK.map(entry)}</ul>
            ${ADMINISTRATION.some(([, right]) => session.may(right)) ? html`<p class="group" id="administration">${t.administration}</p><ul aria-labelledby="administration">${ADMINISTRATION.map(entry)}</ul>` : nothing}
          </nav>
          ${this.copy ? html`<p class="note warn small" role="status"><span><strong>${t.storeCopy.heading}</strong> ${t.storeCopy.text}</span></p>` : nothing}
          <div class="foot">
            <span class="small clip" title=${session.caller?.identityName ?? ''}><span class="muted">${t.signIn.as}</span> ${session.caller?.identityName}</span>
            <div class="row apart">
              <button class="quiet" @click=${() => session.signOut()}>${icon('out')}${t.signIn.out}</button>
              <button class="icon-only" aria-label=${t.theme(this.theme)} title=${t.theme(this.theme)} @click=${this.nextTheme}>${icon('sun')}</button>
            </div>
          </div>
        </div></header>
        <main id="main" tabindex="-1">${this.view?.content}${this.broken ? note('bad', t.broken.heading, t.broken.text, html`<p class="small"><code>${String(this.broken)}</code></p><div><button @click=${() => location.reload()}>${t.broken.reload}</button></div>`) : nothing}</main>
      </div>`;
  }
}

function stored() {
  try {
    return THEMES.find((each) => each === localStorage.getItem('theme'));
  } catch {
    return null;
  }
}

const brand = () =>
  html`<a class="brand" href=${link()}><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8"></rect><path d="M11 23V9h6.5a4.5 4.5 0 0 1 0 9H11m6 0 4.5 5"></path></svg>${t.name}</a>`;

class SignIn extends Part {
  static properties = { unended: {} };

  render() {
    return html`<main class="sign-in"><div class="card stack wide">
      <div class="stack tight">${brand()}<p class="muted">${t.signIn.text}</p></div>
      <div class="stack"><h1 tabindex="-1">${t.signIn.heading}</h1>${this.unended ? note('warn', t.signIn.unended, t.signIn.unendedText) : nothing}<rw-sign-in-form></rw-sign-in-form></div>
    </div></main>`;
  }
}
customElements.define('rw-sign-in', SignIn);

class SignInForm extends Part {
  static properties = { clientId: {} };
  form = new Form(this, { clientId: '', clientSecret: '' });

  firstUpdated() {
    if (this.clientId) this.form.values = { ...this.form.values, clientId: this.clientId };
    this.requestUpdate();
    this.querySelector(this.clientId ? 'input[type=password]' : 'input').focus();
  }

  async enter(event) {
    event.preventDefault();
    const { clientId, clientSecret } = this.form.values;
    if (!this.form.faults({ clientId: clientId.trim() ? '' : t.form.required, clientSecret: clientSecret ? '' : t.form.required })) return;
    await this.form.submit(() => session.signIn(clientId.trim(), clientSecret));
  }

  render() {
    return html`<form class="stack" novalidate @submit=${this.enter}>
      ${fault(this.form.problem)}
      ${field(this.form, 'clientId', t.signIn.clientId, { required: true, autocomplete: 'username' })}
      ${field(this.form, 'clientSecret', t.signIn.clientSecret, { required: true, type: 'password', autocomplete: 'current-password' })}
      <div class="actions start">${submitButton(this.form, t.signIn.enter, t.signIn.entering)}
        ${session.state === 'expired' ? html`<button type="button" class="quiet" @click=${() => session.signOut()}>${t.signIn.leave}</button>` : nothing}</div>
    </form>`;
  }
}
customElements.define('rw-sign-in-form', SignInForm);

class Lost extends Part {
  render() {
    return html`<div class="card"><div class="empty">${icon('search')}<h1 tabindex="-1">${t.lost.heading}</h1><p>${t.lost.text}</p><a class="button" href=${link()}>${t.lost.home}</a></div></div>`;
  }
}
customElements.define('rw-lost', Lost);

customElements.define('rw-app', App);
