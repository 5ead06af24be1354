// Making a rotation, one question at a time; the server is asked early whether it would work.
import { CONNECTIONS, OnceKey, Problem, ROTATIONS, get, post, projects, session } from './api.js';
import { fiveDates, scheduleFields, utcOf } from './connection.js';
import { place } from './connections.js';
import { go, guardWith, link, route } from './router.js';
import { role } from './report.js';
import { secretsOf } from './rotations.js';
import { Form, Part, choice, fault, field, head, html, icon, loading, note, nothing, say, searched, spinner, submitButton, toggle } from './ui.js';
import { t } from './texts.js';

const STEPS = ['connection', 'roles', 'schedule', 'mapping', 'review'];
/** Which step shows the fault of which field. */
const STEP_OF = {
  connectionId: 0,
  projectId: 0,
  parameters: 1,
  strategy: 1,
  rotationInterval: 2,
  rotateAtUtc: 2,
  secretsMapping: 3,
  name: 3,
  description: 3,
  environment: 3,
  secretPath: 3,
};
const TYPING = 700;
const FINDING = 300;
/** So many connections are offered at once. */
const SHOWN = 100;

class Wizard extends Part {
  static properties = {
    step: { state: true },
    projects: { state: true },
    connections: { state: true },
    preflight: { state: true },
    asking: { state: true },
    preflightFault: { state: true },
  };
  once = new OnceKey();

  connectedCallback() {
    super.connectedCallback();
    this.step = 0;
    this.form = new Form(
      this,
      {
        projectId: '',
        connectionId: route().query.get('connection') ?? '',
        strategy: 'dual',
        'parameters.username1': '',
        'parameters.username2': '',
        takeover: false,
        allowPrivileged: false,
        isAutoRotationEnabled: true,
        rotationInterval: '30',
        rotateAtUtc: '03:00',
        driftPolicy: 'report',
        environment: 'production',
        secretPath: '/',
        'secretsMapping.username': 'POSTGRES_DB_USERNAME',
        'secretsMapping.password': 'POSTGRES_DB_PASSWORD',
        'secretsMapping.uri': '',
        name: '',
        description: '',
      },
      (path) => this.changed(path),
    );
    guardWith(() => this.form.touched);
    this.load();
  }

  /** What can be chosen from. */
  async load() {
    const wanted = this.form.values.connectionId;
    this.form.problem = null;
    this.requestUpdate();
    try {
      this.projects = (await projects()).filter((each) => session.may('create:secret-rotation', each.id));
      this.form.values = { ...this.form.values, projectId: this.projects[0]?.id ?? '' };
      if (wanted) await this.comeFrom(wanted);
      await this.readConnections();
    } catch (problem) {
      this.form.problem = problem;
    }
    this.requestUpdate();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearTimeout(this.typing);
    clearTimeout(this.finding);
  }

  /** A link names a connection: with its own project, or it says why not. Another one is never taken in its place. */
  async comeFrom(id) {
    this.wanted = null;
    try {
      const { appConnection: row } = await get(`${CONNECTIONS}/${encodeURIComponent(id)}`);
      if (!row.projectId || this.projects.some((each) => each.id === row.projectId)) {
        this.form.values = { ...this.form.values, projectId: row.projectId ?? this.form.values.projectId };
        return;
      }
      this.wanted = t.wizard.notThere(row.name, row.project?.name ?? row.projectId);
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.wanted = t.wizard.unknown(id);
    }
    this.form.values = { ...this.form.values, connectionId: '' };
  }

  /** The first of those that fit what is typed, and the one that is chosen if it may be used here. */
  async readConnections() {
    const { projectId, connectionId, 'connectionId.find': search } = this.form.values;
    const question = (this.looking = {});
    const usable = (query) => get(`${CONNECTIONS}/available`, { projectId, offset: 0, ...query });
    const none = { appConnections: [], totalCount: 0 };
    const [found, chosen] = await Promise.all([
      projectId ? usable({ search, limit: SHOWN }) : none,
      projectId && connectionId ? usable({ search: connectionId, limit: 1 }) : none,
    ]);
    if (question !== this.looking) return;
    const others = found.appConnections.filter((each) => each.id !== connectionId);
    this.connections = [...chosen.appConnections.filter((each) => each.id === connectionId), ...others];
    this.found = { count: found.totalCount, first: found.appConnections.length };
    if (!connectionId || this.connections[0]?.id === connectionId) return;
    this.form.values = { ...this.form.values, connectionId: '' };
    this.wanted ??= t.wizard.notUsable;
  }

  /** What a connection is called wherever one is chosen or looked over: names alone do not tell a clone from the original. */
  labelOf({ name, server, projectId }) {
    const project = projectId ? (this.projects.find((each) => each.id === projectId)?.name ?? projectId) : t.organisation;
    return [name, ...(server ? [place(server), t.connections.as(server.username)] : []), project].join(' · ');
  }

  changed(path) {
    if (path === 'connectionId') this.wanted = null;
    if (path === 'projectId' || path === 'connectionId.find') {
      clearTimeout(this.finding);
      this.finding = setTimeout(
        () =>
          this.readConnections()
            .catch((problem) => (this.form.problem = problem))
            .then(() => this.requestUpdate()),
        path === 'projectId' ? 0 : FINDING,
      );
    }
    if (/^(parameters|strategy|connectionId$|takeover|allowPrivileged)/.test(path)) {
      this.preflight = null;
      this.preflightFault = null;
      clearTimeout(this.typing);
      if (this.step === 1) this.typing = setTimeout(() => this.rolesNamed && this.ask(), TYPING);
    }
  }

  get dual() {
    return this.form.values.strategy === 'dual';
  }

  get rolesNamed() {
    const { values } = this.form;
    return values['parameters.username1'].trim() && (!this.dual || values['parameters.username2'].trim());
  }

  parameters() {
    const { values } = this.form;
    return { username1: values['parameters.username1'].trim(), username2: this.dual ? values['parameters.username2'].trim() : undefined };
  }

  /** Rehearses on the server; an answer to an older question is not shown. */
  async ask() {
    const { projectId, connectionId, strategy, takeover, allowPrivileged } = this.form.values;
    const question = (this.question = {});
    this.asking = true;
    this.preflightFault = null;
    try {
      const { preflight } = await post(`${ROTATIONS}/preflight`, {
        projectId,
        connectionId,
        parameters: this.parameters(),
        strategy,
        takeover,
        allowPrivileged,
      });
      if (question === this.question) this.preflight = preflight;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      if (question !== this.question) return;
      this.preflightFault = problem;
      this.form.faults(problem.issues);
    } finally {
      if (question === this.question) this.asking = false;
    }
  }

  body() {
    const { values } = this.form;
    return {
      name: values.name.trim(),
      description: values.description.trim() || undefined,
      projectId: values.projectId,
      connectionId: values.connectionId,
      environment: values.environment.trim(),
      secretPath: values.secretPath.trim(),
      isAutoRotationEnabled: values.isAutoRotationEnabled,
      rotationInterval: Number(values.rotationInterval),
      rotateAtUtc: utcOf(values.rotateAtUtc || '00:00'),
      parameters: this.parameters(),
      secretsMapping: {
        username: values['secretsMapping.username'].trim(),
        password: values['secretsMapping.password'].trim(),
        uri: values['secretsMapping.uri'].trim() || undefined,
      },
      strategy: values.strategy,
      driftPolicy: values.driftPolicy,
      takeover: values.takeover,
      allowPrivileged: values.allowPrivileged,
    };
  }

  missing() {
    const { values } = this.form;
    const need = (...paths) => Object.fromEntries(paths.map((path) => [path, String(values[path]).trim() ? '' : t.form.required]));
    return [
      () => need('projectId', 'connectionId'),
      () => ({
        ...need('parameters.username1', ...(this.dual ? ['parameters.username2'] : [])),
        ...(this.dual && values['parameters.username1'].trim() && values['parameters.username1'].trim() === values['parameters.username2'].trim()
          ? { 'parameters.username2': t.wizard.rolesEqual }
          : {}),
      }),
      () => ({
        rotationInterval: values.rotationInterval >= 1 && values.rotationInterval <= 365 ? '' : t.schedule.daysHint,
        rotateAtUtc: values.rotateAtUtc ? '' : t.form.required,
      }),
      () => need('name', 'environment', 'secretPath', 'secretsMapping.username', 'secretsMapping.password'),
      () => ({}),
    ][this.step]();
  }

  async next(event) {
    event.preventDefault();
    if (!this.form.faults(this.missing())) return;
    if (this.step === 1 && !this.preflight?.ok) {
      if (!this.asking) await this.ask();
      if (!this.preflight?.ok) return;
    }
    if (this.step < STEPS.length - 1) {
      this.to(this.step + 1);
      return;
    }
    const body = this.body();
    const done = await this.form.submit(() => post(ROTATIONS, body, { key: this.once.for(body) }));
    if (!done) {
      // The reader is taken to where the fault can be mended.
      const at = Object.keys(this.form.issues)
        .map((path) => STEP_OF[path.split('.')[0]])
        .find((each) => each !== undefined);
      if (at !== undefined) this.step = at;
      if (this.form.problem?.status) this.once.done();
      return;
    }
    guardWith(null);
    say(t.wizard.created(done.secretRotation.name));
    go(`rotations/${done.secretRotation.id}`);
  }

  async to(step) {
    this.step = step;
    this.form.problem = null;
    await this.updateComplete;
    this.querySelector('form h2').focus();
    if (step === 1 && this.rolesNamed && !this.preflight) this.ask();
  }

  render() {
    const crumbs = [[t.rotations.heading, link('rotations')]];
    if (!this.connections && !this.form.problem) return html`${head(t.wizard.heading, t.wizard.text, { crumbs })}<div class="card">${loading()}</div>`;
    const name = STEPS[this.step];
    return html`
      ${head(t.wizard.heading, t.wizard.text, { crumbs })}
      <ol class="rail" aria-label=${t.wizard.steps}>${STEPS.map(
        (each, i) => html`
        <li class=${i < this.step ? 'done' : ''} aria-current=${i === this.step ? 'step' : nothing}><span class="dot">${i < this.step ? icon('good') : i + 1}</span>${t.wizard.step[each]}</li>`,
      )}</ol>
      <div class=${this.step === 1 || this.step === 2 ? 'split' : 'column'}>
        <form class="card pad stack wide" novalidate @submit=${this.next}>
          <div><h2 tabindex="-1">${t.wizard.step[name]}</h2><p class="muted">${t.wizard.stepText[name]}</p></div>
          ${this.connections ? this[name]() : nothing}
          ${fault(this.form.problem, this.connections ? nothing : html`<div><button type="button" @click=${() => this.load()}>${t.again}</button></div>`)}
          <div class="actions">
            ${this.step ? html`<button type="button" @click=${() => this.to(this.step - 1)}>${t.wizard.back}</button>` : nothing}
            ${this.step === STEPS.length - 1 ? submitButton(this.form, t.wizard.create, t.wizard.creating) : html`<button class="primary" aria-disabled=${this.asking ? 'true' : nothing}>${t.wizard.next}</button>`}
          </div>
        </form>
        ${this.beside()}
      </div>`;
  }

  beside() {
    if (this.step === 1) return this.rehearsal();
    if (this.step === 2) {
      return html`<section class="card pad stack">${this.form.values.isAutoRotationEnabled ? fiveDates(this.form.values.rotationInterval, this.form.values.rotateAtUtc) : html`<p class="muted">${t.wizard.byHandText}</p>`}</section>`;
    }
    return nothing;
  }

  rehearsal() {
    const { preflight } = this;
    return html`<section class="card pad stack" aria-live="polite" aria-labelledby="rehearsal">
      <h2 id="rehearsal">${t.preflight.heading}</h2>
      ${this.asking ? html`<p class="row">${spinner()}${t.preflight.running}</p>` : nothing}
      ${fault(this.preflightFault)}
      ${
        preflight && !this.asking
          ? html`
        ${preflight.ok ? note('good', t.preflight.ok, t.preflight.okText(preflight.serverVersion)) : note('bad', preflight.problem?.message ?? t.preflight.notOk, preflight.problem ? '' : preflight.roles.some((each) => each.problems.some((problem) => problem.sql)) ? t.preflight.notOkText : t.preflight.notOkMend, preflight.problem ? html`<p class="small"><a href=${link(`connections/${this.form.values.connectionId}`)}>${t.preflight.connection}</a></p>` : nothing)}
        ${preflight.roles.map(role)}`
          : nothing
      }
      ${!preflight && !this.asking && !this.preflightFault ? html`<p class="muted">${t.preflight.waiting}</p>` : nothing}
      ${this.rolesNamed && !this.asking && !preflight?.ok ? html`<div><button type="button" @click=${this.ask}>${t.preflight.again}</button></div>` : nothing}
    </section>`;
  }

  connection() {
    if (this.projects && !this.projects.length) return note('warn', t.wizard.noProject, t.wizard.noProjectText);
    return html`
      ${searched(
        this.form,
        'projectId',
        t.wizard.project,
        (this.projects ?? []).map((each) => [each.id, each.name]),
        { required: true, hint: t.wizard.projectHint },
      )}
      ${this.wanted ? note('warn', t.wizard.linkLost, this.wanted) : nothing}
      ${
        this.connections?.length || this.form.values['connectionId.find']
          ? searched(
              this.form,
              'connectionId',
              t.wizard.connection,
              [['', this.connections.length ? t.wizard.choose : t.table.noMatch], ...this.connections.map((each) => [each.id, this.labelOf(each)])],
              { ...this.found, required: true, hint: t.wizard.connectionHint },
            )
          : note('warn', t.wizard.noConnection, t.wizard.noConnectionText, html`<p><a href=${link('connections/new/postgres')}>${t.connections.add}</a></p>`)
      }`;
  }

  roles() {
    return html`
      ${choice(
        this.form,
        'strategy',
        t.wizard.strategy,
        Object.entries(t.strategy.short).map(([key, label]) => [key, label, t.strategy.hint[key]]),
      )}
      <div class="pair">
        ${field(this.form, 'parameters.username1', this.dual ? t.wizard.first : t.wizard.only, { required: true, mono: true, placeholder: 'app_a', hint: this.dual ? t.wizard.firstHint : t.wizard.onlyHint })}
        ${this.dual ? field(this.form, 'parameters.username2', t.wizard.second, { required: true, mono: true, placeholder: 'app_b', hint: t.wizard.secondHint }) : nothing}
      </div>
      <details><summary>${t.wizard.special}</summary><div class="stack">
        ${toggle(this.form, 'takeover', t.wizard.takeover, t.wizard.takeoverHint)}
        ${toggle(this.form, 'allowPrivileged', t.wizard.privileged, t.wizard.privilegedHint)}</div></details>`;
  }

  schedule() {
    return html`
      ${toggle(this.form, 'isAutoRotationEnabled', t.wizard.auto, t.wizard.autoHint, { asSwitch: true })}
      ${scheduleFields(this.form, 'rotationInterval', 'rotateAtUtc')}
      ${choice(
        this.form,
        'driftPolicy',
        t.drift.heading,
        Object.entries(t.drift.short).map(([key, label]) => [key, label, t.drift.hint[key]]),
      )}`;
  }

  mapping() {
    return html`
      ${field(this.form, 'name', t.rotation.name, { required: true, hint: t.wizard.nameHint, placeholder: 'orders-db' })}
      ${field(this.form, 'description', t.connection.description)}
      <div class="pair">${field(this.form, 'environment', t.wizard.environment, { required: true, hint: t.wizard.environmentHint })}${field(this.form, 'secretPath', t.wizard.path, { required: true, mono: true, hint: t.wizard.pathHint })}</div>
      <div class="pair">${field(this.form, 'secretsMapping.username', t.wizard.secretUsername, { required: true, mono: true })}${field(this.form, 'secretsMapping.password', t.wizard.secretPassword, { required: true, mono: true })}</div>
      ${field(this.form, 'secretsMapping.uri', t.rotation.secretUri, { mono: true, hint: t.rotation.secretUriHint, placeholder: 'DATABASE_URL' })}`;
  }

  review() {
    const body = this.body();
    const named = (list, id) => list.find((each) => each.id === id)?.name;
    return html`
      <dl class="facts">
        <dt>${t.rotation.name}</dt><dd><strong>${body.name}</strong> ${body.description ? html`<div class="muted">${body.description}</div>` : nothing}</dd>
        <dt>${t.wizard.project}</dt><dd>${named(this.projects, body.projectId)}</dd>
        <dt>${t.wizard.connection}</dt><dd class="break">${this.labelOf(this.connections.find((each) => each.id === body.connectionId) ?? { name: body.connectionId })}</dd>
        <dt>${t.rotation.roles}</dt><dd class="mono break">${[body.parameters.username1, body.parameters.username2].filter(Boolean).join(', ')}</dd>
        <dt>${t.wizard.strategy}</dt><dd>${t.strategy.short[body.strategy]}</dd>
        <dt>${t.rotation.schedule}</dt><dd>${body.isAutoRotationEnabled ? t.rotation.everyAt(body.rotationInterval, this.form.values.rotateAtUtc) : t.rotations.byHand}</dd>
        <dt>${t.rotation.drift}</dt><dd>${t.drift.short[body.driftPolicy]}</dd>
        <dt>${t.rotation.place}</dt><dd class="break">${body.environment} · ${body.secretPath}</dd>
        <dt>${t.rotation.secrets}</dt><dd class="mono break">${secretsOf(body).join(', ')}</dd>
      </dl>
      ${note('warn', t.wizard.effect, this.dual ? t.wizard.effectDual(body.parameters.username1, body.parameters.username2) : t.wizard.effectSingle(body.parameters.username1))}`;
  }
}
customElements.define('rw-wizard', Wizard);
