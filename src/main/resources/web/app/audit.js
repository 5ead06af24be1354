// Who did what: search, and download of what was found.
import { call, get, projects } from './api.js';
import { link, note as noteInAddress, route } from './router.js';
import { Form, Part, badge, empty, fault, field, head, html, loading, nothing, plain, precise, say, spinner, utc } from './ui.js';
import { t } from './texts.js';

const AUDIT = '/api/v1/audit-events';
const FILTERS = ['type', 'outcome', 'actorId', 'subjectKind', 'subjectId', 'projectId', 'requestId', 'address', 'from', 'to'];
/** Every act that is audited. */
export const TYPES = (
  'access-refused adopt-store bootstrap-identity create-app-connection create-environment create-folder create-identity' +
  ' create-identity-universal-auth-client-secret create-project create-secret-rotation create-token-identity-token-auth create-webhook' +
  ' delete-app-connection delete-environment delete-folder delete-identity delete-project delete-secret-rotation delete-webhook' +
  ' deliver-secret-rotation-to-vault export-audit-logs get-app-connection get-app-connection-credentials get-app-connections get-audit-logs' +
  ' get-available-app-connections-details get-discarded-password get-secret get-secret-rotation-generated-credentials get-secrets' +
  ' login-identity-kubernetes-auth login-identity-oidc-auth login-identity-universal-auth preflight-secret-rotation probe-app-connection' +
  ' prune-audit-logs release-app-connection remove-identity-auth-method renew-identity-access-token replay-webhook-delivery' +
  ' revoke-identity-access-token revoke-identity-universal-auth-client-secret revoke-token-identity-token-auth rotate-app-connection' +
  ' rotate-signing-key rotate-webhook-secret run-key-command secret-rotation-role-noticed secret-rotation-rotate-secrets' +
  ' set-identity-auth-method test-app-connection test-webhook update-app-connection update-environment update-folder update-identity' +
  ' update-project update-project-identity-membership update-secret-rotation update-token-identity-token-auth update-webhook' +
  ' verify-app-connection verify-secret-rotation'
).split(' ');
const SUBJECTS = 'app-connection identity password-version project secret secret-rotation signing-key webhook'.split(' ');
/** Where the page of a subject is. */
const PAGES = { 'app-connection': 'connections', 'secret-rotation': 'rotations', identity: 'identities', project: 'projects', webhook: 'webhooks' };
const KIND = { success: 'good', refused: 'warn', failed: 'bad' };

/** A code may be broken after its underscores, and nowhere else. */
const codeOf = (code) => code.split('_').map((word, i) => html`${i ? html`_<wbr>` : nothing}${word}`);

class Audit extends Part {
  static properties = {
    events: { state: true },
    cursor: { state: true },
    problem: { state: true },
    busy: { state: true },
    projects: { state: true },
    downloading: { state: true },
  };

  connectedCallback() {
    super.connectedCallback();
    const { query } = route();
    this.form = new Form(this, Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ''])), () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.search(), 800);
    });
    projects().then(
      (found) => (this.projects = found),
      () => (this.projects = []),
    );
    this.search();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.typing);
    this.leaving?.abort();
  }

  get query() {
    const moment = (text) => {
      const at = new Date(text);
      return text && !Number.isNaN(at.getTime()) ? at.toISOString() : undefined;
    };
    return Object.fromEntries(FILTERS.map((name) => [name, name === 'from' || name === 'to' ? moment(this.form.values[name]) : this.form.values[name].trim()]));
  }

  async search(more) {
    this.leaving?.abort();
    this.leaving = new AbortController();
    const { signal } = this.leaving;
    noteInAddress(this.form.values);
    this.problem = null;
    this.busy = true;
    try {
      const answer = await get(AUDIT, { ...this.query, limit: 100, cursor: more ? this.cursor : undefined }, signal);
      this.events = more ? [...this.events, ...answer.auditEvents] : answer.auditEvents;
      this.cursor = answer.nextCursor;
      this.form.issues = {};
    } catch (problem) {
      if (problem.name === 'AbortError') return;
      this.problem = problem;
      this.form.issues = problem.issues ?? {};
      if (!more) this.events = this.cursor = null; // rows of another search would stand below
    }
    this.busy = false;
  }

  async download(format) {
    this.downloading = format;
    try {
      const file = await call('GET', `${AUDIT}/export.${format}`, { query: this.query, as: 'blob' });
      const anchor = Object.assign(document.createElement('a'), { href: URL.createObjectURL(file), download: `rolewright-audit.${format}` });
      anchor.click();
      setTimeout(() => URL.revokeObjectURL(anchor.href), 60_000);
      say(t.audit.downloaded);
    } catch (problem) {
      this.problem = problem;
    }
    this.downloading = null;
  }

  render() {
    const save = (format, label) =>
      html`<button aria-disabled=${this.downloading ? 'true' : nothing} @click=${() => this.downloading || this.download(format)}>${this.downloading === format ? spinner() : nothing}${label}</button>`;
    return html`
      ${head(t.audit.heading, t.audit.text, { actions: html`${save('csv', t.audit.csv)}${save('jsonl', t.audit.jsonl)}` })}
      <section class="card" aria-label=${t.audit.events}>
        <form class="pad filters" role="search" @submit=${(event) => {
          event.preventDefault();
          this.search();
        }}>
          ${field(this.form, 'type', t.audit.type, { placeholder: 'create-app-connection', required: true, list: 'audit-types' })}
          <datalist id="audit-types">${TYPES.map((each) => html`<option value=${each}></option>`)}</datalist>
          ${field(this.form, 'outcome', t.audit.outcome, { options: [['', t.audit.any], ...Object.entries(t.audit.outcomes)] })}
          ${field(this.form, 'projectId', t.rotations.project, { options: [['', t.audit.any], ...(this.projects ?? []).map((each) => [each.id, each.name])] })}
          ${field(this.form, 'actorId', t.audit.actorId, { required: true })}
          ${field(this.form, 'address', t.audit.address, { required: true })}
          ${field(this.form, 'subjectKind', t.audit.subjectKind, { options: [['', t.audit.any], ...SUBJECTS.map((each) => [each, each])] })}
          ${field(this.form, 'subjectId', t.audit.subjectId, { required: true })}
          ${field(this.form, 'requestId', t.audit.requestId, { required: true })}
          ${field(this.form, 'from', t.audit.from, { type: 'datetime-local', required: true })}
          ${field(this.form, 'to', t.audit.to, { type: 'datetime-local', required: true })}
        </form>
        ${this.problem ? html`<div class="pad">${fault(this.problem, html`<div><button @click=${() => this.search()}>${t.again}</button></div>`)}</div>` : nothing}
        ${!this.events ? (this.problem ? nothing : loading()) : this.events.length ? this.table() : empty('audit', t.audit.none, t.audit.noneText)}
      </section>`;
  }

  /** A click on what a row says shows only such rows. */
  only(name, value, text) {
    return html`<button type="button" class="cell" title=${t.audit.only} @click=${() => {
      this.form.values = { ...this.form.values, [name]: value };
      this.search();
    }}>${text}</button>`;
  }

  subject({ subjectKind, subjectId, facts }) {
    if (!subjectKind) return nothing;
    const page = PAGES[subjectKind];
    const name = facts?.name ?? (subjectId ? `${subjectId.slice(0, 8)}…` : '');
    return html`${subjectKind} ${page && subjectId ? html`<a href=${link(`${page}/${subjectId}`)}>${name}</a>` : html`<strong>${facts?.name ?? ''}</strong>`}`;
  }

  table() {
    return html`
      ${plain(
        t.audit.events,
        [
          [t.audit.at, (each) => html`<time datetime=${each.at} title=${utc(each.at)}>${precise(each.at)}</time>`, 'small'],
          [t.audit.type, (each) => this.only('type', each.type, each.type), 'mono small'],
          [
            t.audit.outcome,
            (each) =>
              html`${this.only('outcome', each.outcome, badge(KIND[each.outcome], t.audit.outcomes[each.outcome]))}${each.reason ? html`<div class="small muted">${codeOf(each.reason)}</div>` : nothing}`,
          ],
          [
            t.audit.who,
            (each) =>
              html`${each.actorId ? this.only('actorId', each.actorId, each.actorName) : t.attempt.itself}<div class="muted">${each.address ? this.only('address', each.address, each.address) : nothing}</div>`,
            'small',
          ],
          [
            t.audit.what,
            (each) => html`${this.subject(each)}
            <details><summary>${t.audit.details}</summary><dl class="facts">
              ${[[t.audit.subjectId, each.subjectId, 'subjectId'], [t.audit.actorId, each.actorId, 'actorId'], [t.audit.requestId, each.requestId, 'requestId'], ...Object.entries(each.facts ?? {})].filter(([, value]) => value !== null && value !== '').map(([name, value, filter]) => html`<dt>${name}</dt><dd class="mono break">${filter ? this.only(filter, value, value) : typeof value === 'object' ? JSON.stringify(value) : String(value)}</dd>`)}
            </dl></details>`,
            'small',
          ],
        ],
        this.events,
        'fixed audit',
      )}
      <div class="pager"><span role="status">${t.audit.count(this.events.length, Boolean(this.cursor))}</span>${this.cursor ? html`<button aria-disabled=${this.busy ? 'true' : nothing} @click=${() => this.busy || this.search(true)}>${t.attempt.older}</button>` : nothing}</div>`;
  }
}
customElements.define('rw-audit', Audit);
