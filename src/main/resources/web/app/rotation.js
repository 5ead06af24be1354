// One rotation: how it is, what was done, and everything that can be done with it.
import { OnceKey, Problem, ROTATIONS, get, patch, post, remove, session } from './api.js';
import { fiveDates, localOf, scheduleFields, utcOf } from './connection.js';
import { go, link } from './router.js';
import { rolesOf, status, statusBadge } from './rotations.js';
import { timeline } from './timeline.js';
import { Form, Part, badge, choice, copy, copyButton, fault, field, head, html, icon, lasted, loading, local, menu, modal, note, nothing, say, spinner, submitButton, toggle, when } from './ui.js';
import { t } from './texts.js';

const STEPS = ['claim', 'preflight', 'persist', 'apply', 'verify', 'promote'];
const RECENT = 50;
/** How long a password stays on the screen. */
const REVEALED = 60_000;

const unfinished = (attempt) => attempt && (attempt.state === 'claimed' || attempt.state === 'sent');

class Rotation extends Part {
  static properties = {
    which: {}, row: { state: true }, versions: { state: true }, attempts: { state: true }, older: { state: true }, problem: { state: true },
    running: { state: true }, asked: { state: true }, revealed: { state: true }, revealFault: { state: true }, rotateFault: { state: true },
  };
  once = new OnceKey();

  connectedCallback() {
    super.connectedCallback();
    this.here = true;
    this.read();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.here = false;
    clearTimeout(this.later);
    this.hide();
  }

  get path() {
    return `${ROTATIONS}/${encodeURIComponent(this.which)}`;
  }

  may(right) {
    return session.may(`${right}:secret-rotation`, this.row.projectId);
  }

  async read() {
    try {
      const [one, versions, attempts] = await Promise.all([get(this.path), get(`${this.path}/versions`, { limit: RECENT }), get(`${this.path}/attempts`, { limit: RECENT })]);
      this.row = one.secretRotation;
      this.versions = versions.versions;
      this.attempts = attempts.attempts;
      this.older = attempts.nextCursor;
      this.problem = null;
      // Work under way goes on without this page; whoever comes back sees how far it is.
      clearTimeout(this.later);
      if (this.here && (unfinished(this.attempts[0]) || this.row.state === 'revoking')) this.later = setTimeout(() => this.read(), 1500);
    } catch (problem) {
      this.problem = problem;
    }
  }

  async readOlder() {
    const { attempts, nextCursor } = await get(`${this.path}/attempts`, { limit: RECENT, cursor: this.older });
    this.attempts = [...this.attempts, ...attempts];
    this.older = nextCursor;
  }

  // ---- Rotate ------------------------------------------------------------------------------------------------------------

  async rotate(force) {
    if (this.running) return;
    this.asked = null;
    this.rotateFault = null;
    this.running = { since: Date.now() };
    const watching = setInterval(() => this.watch(), 500);
    try {
      this.row = (await post(`${this.path}/rotate-secrets`, undefined, { query: { force: force || undefined }, key: this.once.for([this.row.credentialVersion, force, this.tries]) })).secretRotation;
      this.hide();
      say(t.rotation.rotated(this.row.credentialVersion));
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.rotateFault = problem;
      // What the service has answered is done with; only a lost answer is asked for again.
      if (problem.status) this.tries = (this.tries ?? 0) + 1;
    } finally {
      clearInterval(watching);
      this.running = null;
      await this.read();
    }
  }

  async watch() {
    try {
      const [latest] = (await get(`${this.path}/attempts`, { limit: 1 })).attempts;
      if (this.running && latest && new Date(latest.startedAt) >= this.running.since - 60_000 && latest.id !== this.attempts[0]?.id) this.running = { ...this.running, latest };
    } catch {
      // The answer of the rotation itself says what is wrong.
    }
  }

  progress(attempt) {
    const at = attempt ? STEPS.indexOf(attempt.step) : 0;
    return html`<section class="card pad stack" aria-live="polite">
      <div><h2>${t.rotation.underWay}</h2><p class="muted small">${t.rotation.underWayText}</p></div>
      <ol class="steps">${STEPS.map((step, i) => html`<li class=${i < at ? 'good' : i === at ? 'now' : 'idle'} aria-current=${i === at ? 'step' : nothing}>
        <span class="mark">${i < at ? icon('good') : i === at ? spinner() : icon('idle')}</span><span>${t.attempt.step[step]}</span></li>`)}</ol></section>`;
  }

  // ---- Reveal ------------------------------------------------------------------------------------------------------------

  async reveal() {
    this.revealFault = null;
    try {
      this.revealed = await get(`${this.path}/generated-credentials`);
      this.hiding = setTimeout(() => this.hide(), REVEALED);
    } catch (problem) {
      this.revealFault = problem;
    }
  }

  hide() {
    clearTimeout(this.hiding);
    this.revealed = null;
  }

  credentials() {
    const { active, generatedCredentials = [] } = this.revealed ?? {};
    const other = generatedCredentials.find((each) => each.username !== active.username);
    const shown = (label, { username, password }) => html`
      <div class="stack tight"><h3>${label}</h3>
        <div class="secret"><span><span class="sr">${t.rotation.role}</span>${username}</span>${copyButton(username, t.rotation.role)}</div>
        <div class="secret"><span class="password"><span class="sr">${t.password}</span>${password}</span>${copyButton(password, t.password)}</div></div>`;
    return html`<section class="card pad stack" aria-labelledby="credentials">
      <div class="row apart"><h2 id="credentials">${t.rotation.credentials}</h2>
        <button @click=${this.revealed ? this.hide : this.reveal}>${icon('eye')}${this.revealed ? t.rotation.hide : t.rotation.reveal}</button></div>
      ${fault(this.revealFault)}
      ${this.revealed ? html`${shown(t.rotation.active, active)}${other ? shown(t.rotation.previous, other) : nothing}<p class="small muted">${t.rotation.hidden}</p>` : html`<p class="muted small">${t.rotation.revealText}</p>`}
    </section>`;
  }

  // ---- The page ----------------------------------------------------------------------------------------------------------

  render() {
    const crumbs = [[t.rotations.heading, link('rotations')]];
    if (this.problem && !this.row) return html`${head(t.rotations.one, '', { crumbs })}${fault(this.problem)}`;
    if (!this.row) return html`${head(t.rotations.one, '', { crumbs })}<div class="card">${loading()}</div>`;
    const { row } = this;
    const now = this.running ? this.running.latest : unfinished(this.attempts[0]) ? this.attempts[0] : null;
    return html`
      ${head(row.name, row.description, {
        crumbs,
        beside: statusBadge(row),
        actions: html`
          ${this.may('rotate-secrets') && row.state !== 'revoking' ? html`<button class="primary" aria-disabled=${this.running ? 'true' : nothing} @click=${() => this.rotate(false)}>${icon('rotations')}${t.rotation.rotate}</button>` : nothing}
          ${this.may('edit') ? html`<button @click=${() => (this.asked = 'edit')}>${t.rotation.edit}</button>` : nothing}
          ${menu(t.connections.actionsOf(row.name), [
            { text: t.rotation.copyId, act: () => copy(row.id, t.rotation.id) },
            this.may('delete') && { text: t.rotation.delete, danger: true, act: () => (this.asked = 'delete') },
          ])}`,
      })}
      <div class="stack wide">
        ${fault(this.problem)}
        ${this.rotateFault ? fault(this.rotateFault, this.rotateFault.code === 'overlap_not_over' ? html`<div><button class="danger" @click=${() => this.rotate(true)}>${t.rotation.force}</button></div>` : nothing) : nothing}
        ${row.state !== 'ok' ? note(row.state === 'parked' ? 'bad' : 'warn', t.stateHeading[row.state], t.stateText[row.state], html`${row.lastRotationMessage ? html`<p class="small">${row.lastRotationMessage}</p>` : nothing}${row.stateReason ? html`<p class="small"><code>${row.stateReason}</code></p>` : nothing}`)
          : status(row) === 'failed' ? note('bad', t.rotation.lastFailed, row.lastRotationMessage ?? '') : status(row) === 'overdue' ? note('warn', t.rotation.overdue, t.rotation.overdueText) : nothing}
        ${this.running || now ? this.progress(now) : nothing}
        <div class="tiles">
          ${tile(t.rotations.next, when(row.nextRotationAt, t.rotations.byHand), row.nextRotationAt ? local(row.nextRotationAt) : '')}
          ${tile(t.rotation.lastRotated, when(row.lastRotatedAt, t.rotations.never), row.lastRotatedAt ? local(row.lastRotatedAt) : '')}
          ${tile(t.rotation.servedRole, html`<span class="mono break">${rolesOf(row)[row.activeIndex] ?? rolesOf(row)[0]}</span>`, t.strategy.short[row.strategy])}
          ${tile(t.rotation.version, row.credentialVersion || '–', row.isAutoRotationEnabled ? t.rotation.every(row.rotationInterval) : t.rotations.byHand)}
        </div>
        <section class="card pad stack" aria-labelledby="history"><h2 id="history">${t.timeline.heading}</h2>
          ${this.versions.length ? timeline({ roles: rolesOf(row), versions: this.versions, attempts: this.attempts, next: row.nextRotationAt }) : html`<p class="muted">${t.timeline.none}</p>`}
          <details><summary>${t.timeline.asTable}</summary>${this.versionTable()}</details>
        </section>
        <div class="split">
          <section class="card" aria-labelledby="attempts"><h2 id="attempts">${t.attempt.heading}</h2>${this.attemptTable()}</section>
          <div class="stack wide">
            ${this.may('read-generated-credentials') ? this.credentials() : nothing}
            ${this.facts()}
          </div>
        </div>
      </div>
      ${this.asked === 'edit' ? html`<rw-edit-rotation .row=${row} @dismiss=${() => (this.asked = null)} @saved=${() => {
        this.asked = null;
        this.read();
      }}></rw-edit-rotation>` : nothing}
      ${this.asked === 'delete' ? html`<rw-delete-rotation .row=${row} @dismiss=${() => (this.asked = null)} @revoking=${() => {
        this.asked = null;
        this.read();
      }}></rw-delete-rotation>` : nothing}`;
  }

  facts() {
    const { row } = this;
    return html`<section class="card pad stack" aria-labelledby="facts"><h2 id="facts">${t.rotation.facts}</h2>
      <dl class="facts small">
        <dt>${t.rotations.through}</dt><dd><a href=${link(`connections/${row.connectionId}`)}>${row.connection.name}</a></dd>
        <dt>${t.rotation.roles}</dt><dd class="mono break">${rolesOf(row).join(', ')}</dd>
        <dt>${t.rotation.place}</dt><dd class="break">${row.environment.slug} · ${row.folder.path}</dd>
        <dt>${t.rotation.secrets}</dt><dd class="mono break">${row.secretsMapping.username}, ${row.secretsMapping.password}</dd>
        <dt>${t.rotation.schedule}</dt><dd>${row.isAutoRotationEnabled ? t.rotation.everyAt(row.rotationInterval, localOf(row.rotateAtUtc)) : t.rotations.byHand}</dd>
        <dt>${t.rotation.drift}</dt><dd>${t.drift.short[row.driftPolicy]}</dd>
        <dt>${t.rotation.created}</dt><dd>${local(row.createdAt)}</dd>
      </dl></section>`;
  }

  attemptTable() {
    if (!this.attempts.length) return html`<p class="muted small card-text">${t.attempt.none}</p>`;
    return html`<div class="scroll" tabindex="0" role="group" aria-label=${t.attempt.heading}><table class="attempts">
      <thead><tr>${[t.attempt.when, t.attempt.role, t.attempt.why, t.attempt.outcome].map((each) => html`<th scope="col">${each}</th>`)}</tr></thead>
      <tbody>${this.attempts.map((each) => html`<tr>
        <td class="nowrap">${when(each.startedAt)}<div class="small muted">${lasted(each.startedAt, each.finishedAt)}${each.tries > 1 ? t.attempt.tries(each.tries) : ''}</div></td>
        <td class="mono small">${each.username}</td>
        <td>${t.cause[each.cause] ?? each.cause}<div class="small muted">${each.actorName ?? t.attempt.itself}</div></td>
        <td>${badge(each.state === 'done' ? 'good' : each.state === 'failed' ? 'bad' : 'warn', t.attempt.state[each.state])}
          ${each.state === 'done' ? nothing : html`<div class="small">${t.attempt.at(t.attempt.step[each.step])}</div>`}
          ${each.message ? html`<div class="small">${each.message}</div>` : nothing}
          ${each.reason ? html`<div class="small muted"><code>${each.reason}${each.sqlState ? ` ${each.sqlState}` : ''}</code></div>` : nothing}
          ${each.nextTryAt ? html`<div class="small muted">${t.attempt.again} ${when(each.nextTryAt)}</div>` : nothing}</td>
      </tr>`)}</tbody></table></div>
      ${this.older ? html`<div class="pager"><button @click=${this.readOlder}>${t.attempt.older}</button></div>` : nothing}`;
  }

  versionTable() {
    return html`<div class="scroll" tabindex="0" role="group" aria-label=${t.timeline.heading}><table class="small">
      <thead><tr>${[t.attempt.role, t.version.number, t.version.state, t.version.applied_, t.version.served, t.version.ended].map((each) => html`<th scope="col">${each}</th>`)}</tr></thead>
      <tbody>${this.versions.map((each) => html`<tr><td class="mono">${each.username}</td><td>${each.number}</td><td>${t.version[each.state]}</td>
        ${[each.appliedAt, each.currentAt, each.endedAt].map((at) => html`<td>${at ? local(at) : '–'}</td>`)}</tr>`)}</tbody></table></div>`;
  }
}
customElements.define('rw-rotation', Rotation);

const tile = (label, value, more) => html`<div class="card tile"><span class="label">${label}</span><span class="value">${value}</span><span class="small muted">${more}</span></div>`;

// ---- Dialogs -------------------------------------------------------------------------------------------------------------

class EditRotation extends Part {
  static properties = { row: {} };

  connectedCallback() {
    super.connectedCallback();
    const { row } = this;
    this.form = new Form(this, {
      name: row.name, description: row.description ?? '', isAutoRotationEnabled: row.isAutoRotationEnabled, driftPolicy: row.driftPolicy,
      rotationInterval: String(row.rotationInterval), rotateAtUtc: localOf(row.rotateAtUtc),
      'secretsMapping.username': row.secretsMapping.username, 'secretsMapping.password': row.secretsMapping.password,
    });
  }

  dismiss = () => this.dispatchEvent(new Event('dismiss'));

  save = async (event) => {
    event.preventDefault();
    const { values } = this.form;
    const done = await this.form.submit(() => patch(`${ROTATIONS}/${this.row.id}`, {
      name: values.name.trim(), description: values.description.trim() || null,
      isAutoRotationEnabled: values.isAutoRotationEnabled, rotationInterval: Number(values.rotationInterval) || 0, rotateAtUtc: utcOf(values.rotateAtUtc || '00:00'),
      driftPolicy: values.driftPolicy, secretsMapping: { username: values['secretsMapping.username'], password: values['secretsMapping.password'] },
    }));
    if (!done) return;
    say(t.saved);
    this.dispatchEvent(new Event('saved'));
  };

  render() {
    return modal(t.rotation.editOf(this.row.name), html`<form class="stack" novalidate @submit=${this.save}>
      ${fault(this.form.problem)}
      ${field(this.form, 'name', t.rotation.name, { required: true })}
      ${field(this.form, 'description', t.connection.description)}
      ${toggle(this.form, 'isAutoRotationEnabled', t.wizard.auto, t.wizard.autoHint, { asSwitch: true })}
      ${this.form.values.isAutoRotationEnabled ? html`${scheduleFields(this.form, 'rotationInterval', 'rotateAtUtc')}${fiveDates(this.form.values.rotationInterval, this.form.values.rotateAtUtc, this.row.lastRotatedAt ? { at: new Date(this.row.lastRotatedAt).getTime(), manual: this.row.isLastRotationManual } : undefined)}` : nothing}
      ${choice(this.form, 'driftPolicy', t.drift.heading, Object.entries(t.drift.short).map(([key, label]) => [key, label, t.drift.hint[key]]))}
      <div class="pair">${field(this.form, 'secretsMapping.username', t.wizard.secretUsername, { required: true, mono: true })}${field(this.form, 'secretsMapping.password', t.wizard.secretPassword, { required: true, mono: true })}</div>
      <div class="actions"><button type="button" @click=${this.dismiss}>${t.cancel}</button>${submitButton(this.form, t.save, t.saving)}</div></form>`, this.dismiss);
  }
}
customElements.define('rw-edit-rotation', EditRotation);

class DeleteRotation extends Part {
  static properties = { row: {} };
  form = new Form(this, { passwords: 'keep' });

  dismiss = () => this.dispatchEvent(new Event('dismiss'));

  delete = async () => {
    const revoke = this.form.values.passwords === 'revoke';
    const done = await this.form.submit(() => remove(`${ROTATIONS}/${this.row.id}`, { revokeGeneratedCredentials: revoke || undefined }));
    if (!done) return;
    if (done.secretRotation.state === 'revoking') {
      this.dispatchEvent(new Event('revoking'));
      return;
    }
    say(t.rotation.deleted(this.row.name));
    go('rotations');
  };

  render() {
    const waiting = this.row.state === 'revoking';
    return modal(t.rotation.deleteOf(this.row.name), html`
      ${fault(this.form.problem)}
      <p>${t.rotation.deleteText(this.row.secretsMapping.username, this.row.secretsMapping.password)}</p>
      ${choice(this.form, 'passwords', t.rotation.passwords, [['keep', t.rotation.keep, waiting ? t.rotation.giveUpHint : t.rotation.keepHint(rolesOf(this.row).join(', '))], ['revoke', t.rotation.revoke, t.rotation.revokeHint]])}
      <div class="actions"><button @click=${this.dismiss}>${t.cancel}</button>
        <button class="danger primary" aria-disabled=${this.form.busy ? 'true' : nothing} @click=${this.delete}>${this.form.busy ? spinner() : nothing}${t.rotation.delete}</button></div>`, this.dismiss);
  }
}
customElements.define('rw-delete-rotation', DeleteRotation);
