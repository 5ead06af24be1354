// Adding a connection, and everything that can be done with one.
import { CONNECTIONS, OnceKey, Problem, TROUBLES, get, patch, post, projects, session } from './api.js';
import { place, stateBadge } from './connections.js';
import { Live } from './live.js';
import { go, guardWith, link, title } from './router.js';
import { troubleNote } from './trouble.js';
import { testReport } from './report.js';
import { localToUtc, nextDates, utcToLocal } from './schedule.js';
import { createRole, literal } from './sql.js';
import {
  Form,
  Part,
  badge,
  choice,
  copy,
  copyButton,
  fault,
  field,
  head,
  html,
  icon,
  loading,
  local,
  menu,
  modal,
  note,
  nothing,
  relative,
  say,
  searched,
  spinner,
  submitButton,
  tabs,
  toggle,
  utc,
  when,
} from './ui.js';
import { t } from './texts.js';

const CREDENTIALS = ['host', 'port', 'database', 'username', 'password', 'sslMode', 'sslCertificate', 'sslClientCertificate', 'sslClientKey'];
const at = (name) => `credentials.${name}`;

const clock = ({ hours, minutes }) => `${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`;

/** When, in days and a time of the reader's own day. @param path prefix of the values */
export const scheduleFields = (form, days, time) => html`
  <div class="pair">
    ${field(form, days, t.schedule.days, { type: 'number', min: 1, max: 365, required: true, hint: t.schedule.daysHint })}
    ${field(form, time, t.schedule.time(Intl.DateTimeFormat().resolvedOptions().timeZone), { type: 'time', required: true, hint: form.values[time] ? t.schedule.inUtc(clock(utcOf(form.values[time]))) : '' })}
  </div>`;

export const utcOf = (time) => localToUtc(...time.split(':').map(Number));
export const localOf = (time) => clock(utcToLocal(time?.hours ?? 0, time?.minutes ?? 0));

/** The next five dates of a schedule. @param last the change it counts from, by default one by hand now */
export function fiveDates(days, time, last = { at: Date.now(), manual: true }) {
  if (!(days >= 1 && days <= 365) || !time) return nothing;
  return html`<div class="stack tight"><h3>${t.schedule.nextDates}</h3>
    <table class="small dates"><thead><tr><th scope="col">${t.schedule.local}</th><th scope="col">${t.schedule.utc}</th><th scope="col">${t.schedule.fromNow}</th></tr></thead>
    <tbody>${nextDates(last, { days: Number(days), ...utcOf(time) }).map((date) => html`<tr><td>${local(date)}</td><td>${utc(date).replace(/ UTC$/, '')}</td><td class="muted">${relative(date)}</td></tr>`)}</tbody></table></div>`;
}

/** What a new and a stored connection have in common: the fields, the test, the statements beside them. */
class ConnectionForm extends Part {
  static properties = { which: {}, tab: { state: true }, report: { state: true }, testing: { state: true }, reveal: { state: true }, asked: { state: true } };
  once = new OnceKey();

  constructor() {
    super();
    this.tab = 'configuration';
  }

  begin(values) {
    this.form = new Form(this, values, (path) => {
      if (path.startsWith('credentials.')) this.report = null;
    });
    guardWith(() => this.form.touched);
    this.requestUpdate();
  }

  get roles() {
    return (this.form.values.roles ?? '')
      .split('\n')
      .map((each) => each.trim())
      .filter(Boolean);
  }

  /** As the API takes them; what is empty is left out or, where it was there before, taken away. */
  credentials() {
    const value = (name) => this.form.values[at(name)] ?? '';
    const pem = (name) => (value('sslMode') === 'disable' ? undefined : value(name).trim() || (this.stored?.[name] ? '' : undefined));
    return {
      host: value('host').trim(),
      port: Number(value('port')) || 5432,
      database: value('database').trim(),
      username: value('username').trim(),
      password: value('password'),
      sslMode: value('sslMode'),
      sslCertificate: pem('sslCertificate'),
      sslClientCertificate: pem('sslClientCertificate'),
      sslClientKey: value('sslClientKey').trim() || undefined,
    };
  }

  missing() {
    const required = Object.fromEntries(
      ['host', 'database', 'username', 'password'].map((name) => [
        at(name),
        this.form.values[at(name)]?.trim?.() || (name === 'password' && this.form.values[at(name)]) ? '' : t.form.required,
      ]),
    );
    const port = this.form.values[at('port')];
    if (port && !(port >= 1 && port <= 65535)) required[at('port')] = t.form.port;
    return required;
  }

  async test(send) {
    if (this.testing) return;
    this.testing = true;
    this.report = null;
    this.form.problem = null;
    try {
      this.report = (await send()).report;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.form.problem = problem;
      this.form.faults(problem.issues);
      if (Object.keys(problem.issues).some((path) => /ssl/.test(path))) this.tab = 'tls';
    } finally {
      this.testing = false;
    }
    await this.updateComplete;
    // The answer may stand outside of what is looked at.
    this.querySelector('#result')?.scrollIntoView({ block: 'nearest' });
  }

  testTyped() {
    if (!this.form.faults(this.missing())) {
      this.tab = 'configuration';
      return;
    }
    this.test(() => post(`${CONNECTIONS}/test`, { credentials: this.credentials(), roles: this.roles, projectId: this.form.values.projectId || undefined }));
  }

  panels({ disabled, passwordHint }) {
    const mode = this.form.values[at('sslMode')];
    const off = mode === 'disable';
    return html`
      ${tabs(
        t.connection.parts,
        [
          ['configuration', t.connection.configuration],
          ['tls', t.connection.tlsTab(mode !== 'disable')],
        ],
        this.tab,
        (tab) => (this.tab = tab),
      )}
      <div id="panel-configuration" role="tabpanel" aria-labelledby="tab-configuration" class="stack" ?hidden=${this.tab !== 'configuration'}>
        <div class="pair host">
          ${field(this.form, at('host'), t.connection.host, { required: true, disabled, placeholder: 'db.example.com' })}
          ${field(this.form, at('port'), t.connection.port, { type: 'number', min: 1, max: 65535, required: true, disabled })}
        </div>
        ${field(this.form, at('database'), t.connection.database, { required: true, disabled, placeholder: 'app' })}
        <div class="pair">
          ${field(this.form, at('username'), t.connection.username, { required: true, disabled, hint: t.connection.usernameHint })}
          ${field(this.form, at('password'), t.connection.password, { type: 'password', required: !passwordHint, disabled, autocomplete: 'new-password', hint: passwordHint })}
        </div>
      </div>
      <div id="panel-tls" role="tabpanel" aria-labelledby="tab-tls" class="stack" ?hidden=${this.tab !== 'tls'}>
        ${choice(
          this.form,
          at('sslMode'),
          t.tls.heading,
          Object.entries(t.tls.mode)
            .map(([key, hint]) => [key, t.tls.short[key], hint])
            .reverse(),
          { disabled },
        )}
        ${mode === 'disable' || mode === 'require' ? note('warn', t.tls.weak, t.tls.weakText[mode]) : nothing}
        ${field(this.form, at('sslCertificate'), t.tls.ca, { rows: 4, disabled: disabled || off || mode === 'require', placeholder: '-----BEGIN CERTIFICATE-----', hint: t.tls.caHint })}
        ${field(this.form, at('sslClientCertificate'), t.tls.clientCertificate, { rows: 3, disabled: disabled || off, hint: t.tls.clientCertificateHint })}
        ${field(this.form, at('sslClientKey'), t.tls.clientKey, { rows: 3, disabled: disabled || off, hint: this.stored?.sslClientCertificate ? t.tls.clientKeyKept : t.tls.clientKeyHint })}
      </div>`;
  }

  /** Statements for somebody who may run them, with what was typed. */
  statements() {
    const value = (name) => this.form.values[at(name)]?.trim?.() || '';
    const password = this.form.values[at('password')];
    const sql = (shown) =>
      createRole({
        username: value('username') || t.connection.sample.username,
        database: value('database') || t.connection.sample.database,
        password: shown,
        roles: this.roles.length ? this.roles : [t.connection.sample.role],
        comments: t.connection.comments,
      });
    const clear = literal(password || t.connection.sample.password);
    return html`
      <section class="card pad stack" aria-labelledby="prepare">
        <div><h2 id="prepare">${t.connection.prepare}</h2><p class="muted small">${t.connection.prepareText}</p></div>
        ${field(this.form, 'roles', t.connection.roles, { rows: 2, hint: t.connection.rolesHint, placeholder: 'app_a\napp_b' })}
        <pre class="code" tabindex="0" aria-label=${t.sql}>${sql(password && !this.reveal ? "'••••••••'" : clear)}</pre>
        <div class="row">${copyButton(() => sql(clear), t.sql, t.copy(t.sql))}
          ${password ? html`<button type="button" class="quiet" aria-pressed=${this.reveal ? 'true' : 'false'} @click=${() => (this.reveal = !this.reveal)}>${icon('eye')}${this.reveal ? t.connection.hidePassword : t.connection.showPassword}</button>` : nothing}</div>
      </section>`;
  }

  result() {
    if (!this.testing && !this.report) return nothing;
    return html`<section class="card pad stack" id="result" aria-label=${t.test.heading} aria-live="polite">
      ${this.testing ? html`<p class="row">${spinner()}<strong>${t.test.running}</strong></p>${testReport(null)}` : testReport(this.report)}</section>`;
  }

  managedSwitch(disabled) {
    return html`
      ${toggle(this.form, 'isPlatformManagedCredentials', t.managed.heading, t.managed.hint, { asSwitch: true, disabled })}
      ${
        this.form.values.isPlatformManagedCredentials && !disabled
          ? html`
        ${note('warn', t.managed.warning, t.managed.warningText(this.form.values[at('username')]))}
        ${toggle(this.form, 'allowPrivileged', t.wizard.privileged)}
        ${this.managedSchedule()}`
          : nothing
      }`;
  }

  managedSchedule() {
    return html`
        ${toggle(this.form, 'isAutoRotationEnabled', t.managed.schedule, t.managed.scheduleHint)}
        ${this.form.values.isAutoRotationEnabled ? scheduleFields(this.form, 'rotation.rotationInterval', 'rotation.rotateAtUtc') : nothing}`;
  }

  managedPart() {
    const { values } = this.form;
    return {
      isPlatformManagedCredentials: Boolean(values.isPlatformManagedCredentials),
      ...(values.isPlatformManagedCredentials
        ? {
            isAutoRotationEnabled: Boolean(values.isAutoRotationEnabled),
            allowPrivileged: values.allowPrivileged || undefined,
            rotation: values.isAutoRotationEnabled
              ? { rotationInterval: Number(values['rotation.rotationInterval']), rotateAtUtc: utcOf(values['rotation.rotateAtUtc'] || '00:00') }
              : undefined,
          }
        : {}),
    };
  }
}

// ---- Add -----------------------------------------------------------------------------------------------------------------

class NewConnection extends ConnectionForm {
  static properties = { app: {}, projects: { state: true } };

  connectedCallback() {
    super.connectedCallback();
    this.begin({
      name: '',
      description: '',
      projectId: '',
      method: 'username-and-password',
      roles: '',
      [at('port')]: '5432',
      [at('sslMode')]: 'verify-full',
      'rotation.rotationInterval': '30',
      'rotation.rotateAtUtc': '03:00',
    });
    this.load();
  }

  /** Whose it can be. */
  async load() {
    this.form.problem = null;
    try {
      this.projects = (await projects()).filter((each) => session.may('create:app-connections', each.id));
      // Who may not make one of the organisation's has to choose a project.
      if (!session.may('create:app-connections', null)) this.form.values = { ...this.form.values, projectId: this.projects[0]?.id ?? '' };
    } catch (problem) {
      this.form.problem = problem;
    }
    this.requestUpdate();
  }

  async save(event) {
    event.preventDefault();
    const { name, description, projectId, method } = this.form.values;
    const faults = { name: name.trim() ? '' : t.form.required, ...this.missing() };
    if (!this.form.faults(faults)) {
      this.tab = 'configuration';
      return;
    }
    const body = {
      name: name.trim(),
      description: description.trim() || undefined,
      projectId: projectId || undefined,
      method,
      credentials: this.credentials(),
      ...this.managedPart(),
    };
    const done = await this.form.submit(() => post(CONNECTIONS, body, { key: this.once.for(body) }));
    if (!done) {
      if (Object.keys(this.form.issues).some((path) => /ssl/.test(path))) this.tab = 'tls';
      return;
    }
    guardWith(null);
    say(t.connection.created(done.appConnection.name));
    go(`connections/${done.appConnection.id}`);
  }

  render() {
    const crumbs = [[t.connections.heading, link('connections')]];
    if (!this.app) {
      return html`${head(t.connection.add, t.connection.pick, { crumbs })}
        <div class="pick"><button @click=${() => go('connections/new/postgres')}>${icon('connections')}<span><strong>PostgreSQL</strong><br><span class="muted small">${t.connection.method}</span></span></button></div>`;
    }
    const choices = (this.projects ?? []).map((each) => [each.id, each.name]);
    if (session.may('create:app-connections', null)) choices.unshift(['', t.organisationWide]);
    return html`
      ${head(t.connection.addPostgres, t.connection.addText, { crumbs: [...crumbs, [t.connection.add, link('connections/new')]] })}
      <div class="split">
        <form class="card pad stack wide" novalidate @submit=${this.save}>
          <div class="stack">
            <div class="pair">
              ${field(this.form, 'name', t.connection.name, { required: true, hint: t.connection.nameHint, placeholder: 'orders-db' })}
              ${searched(this.form, 'projectId', t.connection.project, choices, { hint: t.connection.projectHint })}
            </div>
            ${field(this.form, 'description', t.connection.description)}
            ${field(this.form, 'method', t.connection.methodLabel, { options: [['username-and-password', t.connection.method]] })}
          </div>
          <div class="stack">${this.panels({})}</div>
          <div class="stack">${this.managedSwitch(false)}</div>
          ${fault(this.form.problem, this.projects ? nothing : html`<div><button type="button" @click=${() => this.load()}>${t.again}</button></div>`)}
          <div class="actions">
            <button type="button" aria-disabled=${this.testing ? 'true' : nothing} @click=${this.testTyped}>${t.test.button}</button>
            ${submitButton(this.form, t.connection.connect, t.connection.connecting)}
          </div>
        </form>
        <div class="stack wide">${this.result()}${this.statements()}</div>
      </div>`;
  }
}
customElements.define('rw-new-connection', NewConnection);

// ---- One that is there ---------------------------------------------------------------------------------------------------

class Connection extends ConnectionForm {
  static properties = { row: { state: true }, released: { state: true }, rotating: { state: true }, verifying: { state: true } };
  live = new Live(
    this,
    async (signal) => {
      const path = `${CONNECTIONS}/${encodeURIComponent(this.which)}`;
      const found = await get(path, {}, signal);
      const row = found.appConnection;
      const [{ usage }, { troubles }] = await Promise.all([
        get(`${path}/usage`, {}, signal),
        session.may('read:secret-rotation') ? get(TROUBLES, { subjectId: row.id }, signal) : { troubles: [] },
      ]);
      // What somebody types here is not taken from under his hands.
      if (!this.row || (this.row.version !== row.version && !this.form.touched)) this.show(row, found.etag);
      else this.row = { ...this.row, lastTest: row.lastTest, state: row.state, stateReason: row.stateReason, rotation: row.rotation };
      return { usage, troubles };
    },
    { changing: () => this.row.state !== 'ok' },
  );

  show(row, etag) {
    this.row = row;
    this.seen = etag;
    this.stored = row.credentials;
    const { credentials, rotation } = row;
    this.begin({
      name: row.name,
      description: row.description ?? '',
      projectId: row.projectId ?? '',
      roles: '',
      ...Object.fromEntries(CREDENTIALS.map((name) => [at(name), credentials[name] ?? ''])),
      [at('port')]: String(credentials.port),
      isPlatformManagedCredentials: row.isPlatformManagedCredentials,
      isAutoRotationEnabled: row.isAutoRotationEnabled,
      'rotation.rotationInterval': String(rotation?.interval ?? 30),
      'rotation.rotateAtUtc': localOf(rotation?.rotateAtUtc ?? { hours: 3, minutes: 0 }),
      lookIntervalMinutes: String(rotation?.lookIntervalMinutes ?? ''),
      confirmAnotherServer: false,
    });
    this.looked = this.form.values.lookIntervalMinutes;
    const { values } = this.form;
    this.planned = JSON.stringify([values.isAutoRotationEnabled, values['rotation.rotationInterval'], values['rotation.rotateAtUtc']]);
  }

  may(right) {
    return session.may(`${right}:app-connections`, this.row.projectId ?? null);
  }

  async follow(send) {
    await this.test(send);
    this.live.refresh();
  }

  testStored = () => this.follow(() => post(`${CONNECTIONS}/${this.row.id}/test`, { roles: this.roles }));

  /** Whether something was typed that takes a login to store. */
  get newLogin() {
    const { values } = this.form;
    return CREDENTIALS.some((name) => String(values[at(name)] ?? '') !== String(this.stored[name] ?? ''));
  }

  async save(event) {
    event.preventDefault();
    const { row, form } = this;
    const { name, description } = form.values;
    const managed = this.managedPart();
    // What replaces the role's password goes with the one that it has now.
    const begins = managed.isPlatformManagedCredentials && !row.isPlatformManagedCredentials;
    const login = !row.isPlatformManagedCredentials && (begins || this.newLogin);
    if (
      !form.faults({
        name: name.trim() ? '' : t.form.required,
        ...(login
          ? { ...this.missing(), [at('password')]: form.values[at('password')] ? '' : begins ? t.managed.passwordNeeded : t.connection.passwordNeeded }
          : {}),
      })
    ) {
      if (!name.trim()) return;
      this.tab = 'configuration';
      return;
    }
    const { isPlatformManagedCredentials, ...schedule } = managed;
    // Only what was changed here, on what was seen here: nobody else's change is undone.
    const planned = JSON.stringify([form.values.isAutoRotationEnabled, form.values['rotation.rotationInterval'], form.values['rotation.rotateAtUtc']]);
    const body = {
      ...(name.trim() !== row.name ? { name: name.trim() } : {}),
      ...(description.trim() !== (row.description ?? '') ? { description: description.trim() || null } : {}),
      ...(login ? { credentials: this.credentials() } : {}),
      ...(form.values.confirmAnotherServer && !row.isPlatformManagedCredentials ? { confirmAnotherServer: true } : {}),
      ...(form.values.lookIntervalMinutes && form.values.lookIntervalMinutes !== this.looked
        ? { lookIntervalMinutes: Number(form.values.lookIntervalMinutes) }
        : {}),
      ...(begins ? { isPlatformManagedCredentials } : {}),
      ...(isPlatformManagedCredentials && (begins || planned !== this.planned) ? schedule : {}),
    };
    if (Object.keys(body).length) {
      const done = await form.submit(() => patch(`${CONNECTIONS}/${row.id}`, body, this.seen));
      if (!done) return;
      this.show(done.appConnection, done.etag);
    }
    form.touched = false;
    say(t.saved);
    this.live.refresh();
  }

  async rotate() {
    this.rotating = true;
    const done = await this.form.submit(() =>
      post(`${CONNECTIONS}/${this.row.id}/rotate`, undefined, { key: this.once.for(this.row.rotation?.credentialVersion ?? 0) }),
    );
    this.once.done();
    this.rotating = false;
    if (done) {
      this.show(done.appConnection, done.etag);
      say(t.managed.rotated);
    }
    this.live.refresh();
  }

  /** What the server says of the managed password now; what is typed meanwhile stays. */
  verify = async () => {
    if (this.verifying) return;
    this.verifying = true;
    this.form.problem = null;
    try {
      const { state } = (await post(`${CONNECTIONS}/${this.row.id}/verify`)).appConnection;
      say(state === 'ok' ? t.rotation.verified : t.rotation.notVerified);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.form.problem = problem;
    } finally {
      this.verifying = false;
      this.live.refresh();
    }
  };

  release = async () => {
    const done = await this.form.submit(() => post(`${CONNECTIONS}/${this.row.id}/release`));
    this.asked = null;
    if (!done) return;
    this.show(done.appConnection, done.etag);
    this.released = done.releasedCredentials;
    this.live.refresh();
  };

  render() {
    const crumbs = [[t.connections.heading, link('connections')]];
    if (this.live.problem && !this.row) return html`${head(t.connections.one, '', { crumbs })}${this.live.fault()}`;
    if (!this.row) return html`${head(t.connections.one, '', { crumbs })}<div class="card">${loading()}</div>`;
    const { row } = this;
    const managed = row.isPlatformManagedCredentials;
    const mayEdit = this.may('edit');
    title(row.name);
    const { usage, troubles } = this.live.data ?? { troubles: [] };
    const acts = {
      ...(this.may('test') ? { test: this.testStored } : {}),
      ...(managed && this.may('rotate') ? { rotate: () => this.rotate(), verify: this.verify } : {}),
      ...(managed && this.may('release') ? { release: () => (this.asked = 'release') } : {}),
    };
    return html`
      ${head(row.name, row.description, {
        crumbs,
        beside: html`${managed ? badge('info', t.connections.managedLong) : nothing}${stateBadge(row)}`,
        actions: html`
          ${this.may('test') ? html`<button aria-disabled=${this.testing ? 'true' : nothing} @click=${this.testStored}>${t.test.stored}</button>` : nothing}
          ${managed && this.may('rotate') ? html`<button aria-disabled=${this.verifying ? 'true' : nothing} @click=${this.verify}>${this.verifying ? html`${spinner()}${t.rotation.verifying}` : t.rotation.verify}</button>` : nothing}
          ${this.may('connect') ? html`<a class="button" href=${link(`rotations/new?connection=${row.id}`)}>${icon('rotations')}${t.connection.rotateThrough}</a>` : nothing}
          ${menu(t.connections.actionsOf(row.name), [
            { text: t.connections.copyId, act: () => copy(row.id, t.connections.id) },
            session.may('read:audit-logs', row.projectId ?? null) && { text: t.rotation.audit, act: () => go(`audit?subjectId=${row.id}`) },
            this.may('delete') && { text: t.connections.delete, danger: true, act: () => (this.asked = 'delete') },
          ])}`,
      })}
      <div class="stack"><div class="strip">${this.live.age()}</div>${troubles.map((each) => troubleNote(each, acts))}</div>
      <div class="split">
        <form class="card pad stack wide" novalidate @submit=${this.save}>
          ${managed ? this.managedFacts() : nothing}
          <div class="stack">
            <div class="pair">
              ${field(this.form, 'name', t.connection.name, { required: true, hint: t.connection.nameHint, disabled: !mayEdit })}
              ${field(this.form, 'projectId', t.connection.project, { options: [[row.projectId ?? '', row.project?.name ?? t.organisationWide]], disabled: true })}
            </div>
            ${field(this.form, 'description', t.connection.description, { disabled: !mayEdit })}
          </div>
          ${managed ? note('info', '', t.managed.locked) : nothing}
          <div class="stack">${this.panels({ disabled: managed || !mayEdit, passwordHint: managed ? t.managed.passwordHint : t.connection.passwordHint })}</div>
          ${
            mayEdit
              ? html`<div class="stack">${
                  managed
                    ? html`${this.managedSchedule()}${field(this.form, 'lookIntervalMinutes', t.rotation.look, { type: 'number', min: 1, max: 1440, hint: t.rotation.lookHint })}`
                    : this.managedSwitch(false)
                }</div>`
              : nothing
          }
          ${fault(this.form.problem)}
          ${
            this.form.problem?.code === 'leads_to_another_server' || this.form.values.confirmAnotherServer
              ? this.otherServer()
              : mayEdit && !managed && usage?.length
                ? html`<details><summary>${t.managed.otherServerTookItsPlace}</summary>${this.otherServer()}</details>`
                : nothing
          }
          ${
            mayEdit
              ? html`<div class="actions">
            ${managed ? nothing : html`<button type="button" @click=${this.testTyped}>${t.test.typed}</button>`}
            ${submitButton(this.form, t.save, t.saving)}</div>`
              : nothing
          }
        </form>
        <div class="stack wide">${this.result()}${this.uses(usage)}${this.about()}${managed || !mayEdit ? nothing : html`<details><summary>${t.connection.prepare}</summary>${this.statements()}</details>`}</div>
      </div>
      ${
        this.asked === 'delete'
          ? html`<rw-delete-connection .row=${row} @dismiss=${() => (this.asked = null)} @deleted=${() => {
              guardWith(null);
              go('connections');
            }}></rw-delete-connection>`
          : nothing
      }
      ${this.asked === 'release' ? this.releaseDialog() : nothing}
      ${this.released ? this.releasedDialog() : nothing}`;
  }

  otherServer() {
    return toggle(this.form, 'confirmAnotherServer', t.managed.otherServer, t.managed.otherServerHint);
  }

  uses(usage) {
    if (!usage) return nothing;
    const shown = usage.slice(0, 10);
    return html`<section class="card pad stack" aria-labelledby="uses"><h2 id="uses">${t.connections.usedBy}</h2>
      ${
        usage.length
          ? html`<ul class="small stack tight">${shown.map((use) => html`<li class="break">${use.kind === 'rotation' ? html`<a href=${link(`rotations/${use.id}`)}>${use.name}</a>` : use.name}</li>`)}</ul>
        ${usage.length > shown.length ? html`<p class="small">${t.table.count(shown.length, usage.length)}. <a href=${link(`rotations?q=${encodeURIComponent(this.row.name)}`)}>${t.connections.allUses}</a></p>` : nothing}`
          : html`<p class="small muted">${t.connections.unused}</p>`
      }</section>`;
  }

  about() {
    const { row } = this;
    return html`<section class="card pad stack" aria-labelledby="about"><h2 id="about">${t.connection.about}</h2><dl class="facts small">
      <dt>${t.connections.id}</dt><dd class="mono break">${row.id} ${copyButton(row.id, t.connections.id)}</dd>
      <dt>${t.connections.where}</dt><dd class="mono break">${place(row.credentials)}</dd>
      <dt>${t.connections.lastTest}</dt><dd>${row.lastTest ? html`${row.lastTest.ok ? badge('good', t.connections.passed) : badge('bad', t.connections.failed, row.lastTest.reason)} ${when(row.lastTest.at)}` : '–'}</dd>
      <dt>${t.rotation.created}</dt><dd>${local(row.createdAt)}</dd></dl></section>`;
  }

  managedFacts() {
    const { rotation } = this.row;
    return html`
      <div class="stack">
        <div class="row apart"><h2>${t.managed.heading}</h2><div class="row">
          ${this.may('rotate') ? html`<button type="button" aria-disabled=${this.rotating ? 'true' : nothing} @click=${() => this.rotating || this.rotate()}>${this.rotating ? spinner() : icon('rotations')}${this.rotating ? t.managed.rotating : t.managed.rotate}</button>` : nothing}
          ${this.may('release') ? html`<button type="button" @click=${() => (this.asked = 'release')}>${t.managed.release}</button>` : nothing}</div></div>
        <dl class="facts small">
          <dt>${t.managed.version}</dt><dd>${rotation?.credentialVersion ?? '–'}</dd>
          <dt>${t.rotation.verifiedAt}</dt><dd>${when(rotation?.verifiedAt, t.rotation.notVerifiedYet)}</dd>
          <dt>${t.managed.last}</dt><dd>${when(rotation?.lastRotatedAt)} ${rotation?.rotationStatus === 'failed' ? badge('bad', t.rotations.failed) : nothing}</dd>
          ${rotation?.lastRotationMessage ? html`<dt>${t.managed.reason}</dt><dd>${rotation.lastRotationMessage}</dd>` : nothing}
          <dt>${t.managed.next}</dt><dd>${when(rotation?.nextRotationAt, t.managed.onlyByHand)}</dd>
        </dl>
      </div>`;
  }

  releaseDialog() {
    const close = () => (this.asked = null);
    return modal(
      t.managed.releaseOf(this.row.name),
      html`
      <p>${t.managed.releaseText(this.row.credentials.username)}</p>
      <div class="actions"><button @click=${close}>${t.cancel}</button><button class="primary" @click=${this.release}>${t.managed.release}</button></div>`,
      close,
    );
  }

  releasedDialog() {
    const { username, releasedPassword, proven, message } = this.released;
    const close = () => (this.released = null);
    return modal(
      t.managed.released,
      html`
      <p>${t.managed.releasedText(username)}</p>
      ${proven ? nothing : note('bad', t.managed.releasedUnproven, message)}
      <div class="secret"><span>${releasedPassword}</span>${copyButton(releasedPassword, t.password)}</div>
      <div class="actions"><button class="primary" @click=${close}>${t.close}</button></div>`,
    );
  }
}
customElements.define('rw-connection', Connection);
