// One rotation: how it is, what was done, and everything that can be done with it.
import { OnceKey, Problem, ROTATIONS, TROUBLES, get, patch, post, remove, session } from './api.js';
import { Edit } from './asking.js';
import { fiveDates, localOf, scheduleFields, utcOf } from './connection.js';
import { consume } from './consume.js';
import { Live } from './live.js';
import { role } from './report.js';
import { go, link, title } from './router.js';
import { rolesOf, secretsOf, statusBadge } from './rotations.js';
import { spans, timeline } from './timeline.js';
import { stepsOf, troubleNote } from './trouble.js';
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
  lasted,
  loading,
  local,
  menu,
  modal,
  note,
  nothing,
  plain,
  precise,
  say,
  spinner,
  submitButton,
  toggle,
  when,
} from './ui.js';
import { t } from './texts.js';

const STEPS = ['claim', 'preflight', 'persist', 'apply', 'verify', 'promote'];
const RECENT = 50;
/** How long a password stays on the screen. */
const REVEALED = 60_000;

const unfinished = (attempt) => attempt && (attempt.state === 'claimed' || attempt.state === 'sent');

class Rotation extends Part {
  static properties = {
    which: {},
    attempts: { state: true },
    older: { state: true },
    problem: { state: true },
    checked: { state: true },
    checking: { state: true },
    verifying: { state: true },
    running: { state: true },
    asked: { state: true },
    revealed: { state: true },
    revealFault: { state: true },
    rotateFault: { state: true },
  };
  once = new OnceKey();
  live = new Live(this, (signal) => this.read(signal), {
    // In doubt, waiting, being revoked, under way: it goes on by itself, and the page goes with it.
    changing: ({ row, attempts }) => row.state !== 'ok' || unfinished(attempts[0]),
    follow: () => !this.gone,
  });

  disconnectedCallback() {
    super.disconnectedCallback();
    this.hide();
  }

  get path() {
    return `${ROTATIONS}/${encodeURIComponent(this.which)}`;
  }

  get row() {
    return this.live.data?.row;
  }

  may(right) {
    return session.may(`${right}:secret-rotation`, this.row.projectId);
  }

  async read(signal) {
    const before = this.row;
    try {
      const [one, versions, attempts] = await Promise.all([
        get(this.path, {}, signal),
        get(`${this.path}/versions`, { limit: RECENT }, signal),
        get(`${this.path}/attempts`, { limit: RECENT }, signal),
      ]);
      const row = one.secretRotation;
      const { troubles } = await get(TROUBLES, { subjectId: row.id }, signal);
      // What was shown is no longer what is served.
      if (this.revealed && before && before.credentialVersion !== row.credentialVersion) {
        this.hide();
        say(t.rotation.replaced);
      }
      return { row, etag: one.etag, versions: versions.versions, attempts: attempts.attempts, older: attempts.nextCursor, troubles };
    } catch (problem) {
      if (problem.status !== 404 || before?.state !== 'revoking') throw problem;
      this.gone = true; // what was waited for
      say(t.rotation.revoked(before.name));
      go('rotations');
      return this.live.data;
    }
  }

  async readOlder() {
    this.problem = null;
    try {
      const { attempts, nextCursor } = await get(`${this.path}/attempts`, { limit: RECENT, cursor: this.older ?? this.live.data.older });
      this.attempts = [...(this.attempts ?? []), ...attempts];
      this.older = nextCursor ?? '';
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.problem = problem;
    }
  }

  /** The newest as they are now, then those that somebody asked for. */
  get allAttempts() {
    const { attempts } = this.live.data;
    const known = new Set(attempts.map((each) => each.id));
    return [...attempts, ...(this.attempts ?? []).filter((each) => !known.has(each.id))];
  }

  /** What the server says of the served password now. */
  verify = () =>
    this.looking(async () => {
      const row = (await post(`${this.path}/verify`)).secretRotation;
      say(row.state === 'ok' ? t.rotation.verified : t.rotation.notVerified);
    });

  /** Somebody else's password goes, now and from now on. */
  putBack = () =>
    this.looking(async () => {
      this.asked = null;
      if (this.row.driftPolicy !== 'reassert') await patch(this.path, { driftPolicy: 'reassert' }, this.live.data.etag);
      const row = (await post(`${this.path}/verify`)).secretRotation;
      say(row.state === 'ok' ? t.rotation.putBackDone : t.rotation.putBackFailed);
    });

  /** Once at a time; afterwards the page shows what was found. */
  async looking(work) {
    if (this.verifying) return;
    this.verifying = true;
    this.problem = null;
    try {
      await work();
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.problem = problem;
    } finally {
      this.verifying = false;
      await this.live.refresh();
    }
  }

  /** The statements that an administrator of the server has to run, into the clipboard and onto the page. */
  grant = async () => {
    await this.check();
    const sql = (this.checked?.roles ?? []).flatMap((each) => each.problems.map((one) => one.sql).filter(Boolean)).map((each) => each.replace(/;?$/, ';'));
    if (sql.length) copy(sql.join('\n'), t.sql);
    else if (this.checked) say(t.rotation.grantNone);
  };

  /** Whether it could rotate now, rehearsed on the server. */
  check = async () => {
    if (this.checking) return;
    this.checking = true;
    this.checked = null;
    this.problem = null;
    try {
      this.checked = (await post(`${this.path}/preflight`)).preflight;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.problem = problem;
    }
    this.checking = false;
    await this.updateComplete;
    this.querySelector('#checked')?.scrollIntoView({ block: 'nearest' });
  };

  // ---- Rotate ------------------------------------------------------------------------------------------------------------

  /** What cannot be undone is asked for: with one role the password in use ends. */
  ask = () => {
    if (this.running) return;
    if (this.row.strategy === 'single') this.asked = 'rotate';
    else this.rotate(false);
  };

  async rotate(force) {
    if (this.running) return;
    this.asked = null;
    this.rotateFault = null;
    this.running = { since: Date.now() };
    const watching = setInterval(() => this.watch(), 500);
    try {
      const done = (
        await post(`${this.path}/rotate-secrets`, undefined, {
          query: { force: force || undefined },
          key: this.once.for([this.row.credentialVersion, force, this.tries]),
        })
      ).secretRotation;
      this.hide();
      this.checked = null;
      say(t.rotation.rotated(done.credentialVersion));
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.rotateFault = problem;
      // What the service has answered is done with; only a lost answer is asked for again.
      if (problem.status) this.tries = (this.tries ?? 0) + 1;
    } finally {
      clearInterval(watching);
      this.running = null;
      await this.live.refresh();
    }
  }

  async watch() {
    try {
      const [latest] = (await get(`${this.path}/attempts`, { limit: 1 })).attempts;
      if (this.running && latest && new Date(latest.startedAt) >= this.running.since - 60_000 && latest.id !== this.live.data.attempts[0]?.id)
        this.running = { ...this.running, latest };
    } catch {
      // The answer of the rotation itself says what is wrong.
    }
  }

  /** In the place where the age stands otherwise, so that nothing below moves. */
  progress(attempt) {
    const at = attempt ? STEPS.indexOf(attempt.step) : 0;
    return html`<div class="strip card" aria-live="polite" title=${t.rotation.underWayText}>
      <strong>${this.row.state === 'revoking' ? t.rotation.revoking : t.rotation.underWay}</strong>
      <ol class="steps inline">${STEPS.map(
        (step, i) => html`<li class=${i < at ? 'good' : i === at ? 'now' : 'idle'} aria-current=${i === at ? 'step' : nothing}>
        <span class="mark">${i < at ? icon('good') : i === at ? spinner() : icon('idle')}</span><span>${t.attempt.step[step]}</span></li>`,
      )}</ol></div>`;
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
    const { live } = this;
    if (live.problem && !live.data) return html`${head(t.rotations.one, '', { crumbs })}${live.fault()}`;
    if (!live.data) return html`${head(t.rotations.one, '', { crumbs })}<div class="card">${loading()}</div>`;
    const { row, versions, attempts, troubles, etag } = live.data;
    title(row.name);
    const now = this.running ? this.running.latest : unfinished(attempts[0]) ? attempts[0] : null;
    const acts = {
      ...(this.may('rotate-secrets') ? { rotate: this.ask, preflight: this.check, grant: this.grant, verify: this.verify } : {}),
      ...(this.may('rotate-secrets') && this.may('edit') ? { putBack: () => (this.asked = 'putBack') } : {}),
      ...(session.may('read:app-connections') ? { connection: link(`connections/${row.connectionId}`) } : {}),
      ...(this.may('delete') ? { abandon: () => (this.asked = 'delete') } : {}),
    };
    return html`
      ${head(row.name, row.description, {
        crumbs,
        beside: statusBadge(row),
        actions: html`
          ${this.may('rotate-secrets') && row.state !== 'revoking' ? html`<button class="primary" aria-disabled=${this.running ? 'true' : nothing} @click=${this.ask}>${icon('rotations')}${t.rotation.rotate}</button>` : nothing}
          ${this.may('rotate-secrets') && row.state !== 'revoking' ? html`<button aria-disabled=${this.checking ? 'true' : nothing} @click=${this.check}>${t.rotation.check}</button>` : nothing}
          ${this.may('rotate-secrets') && row.state !== 'revoking' ? html`<button aria-disabled=${this.verifying ? 'true' : nothing} @click=${this.verify}>${this.verifying ? html`${spinner()}${t.rotation.verifying}` : t.rotation.verify}</button>` : nothing}
          ${this.may('edit') && row.state !== 'revoking' ? html`<button @click=${() => (this.asked = 'edit')}>${t.rotation.edit}</button>` : nothing}
          ${menu(t.connections.actionsOf(row.name), [
            { text: t.rotation.copyId, act: () => copy(row.id, t.rotation.id) },
            session.may('read:audit-logs', row.projectId) && { text: t.rotation.audit, act: () => go(`audit?subjectId=${row.id}`) },
            this.may('delete') && { text: t.rotation.delete, danger: true, act: () => (this.asked = 'delete') },
          ])}`,
      })}
      <div class="stack wide">
        ${this.running || now ? this.progress(now) : html`<div class="strip">${live.age()}</div>`}
        ${troubles.map((each) => troubleNote(each, acts))}
        ${fault(this.problem)}
        ${this.rotateFault ? fault(this.rotateFault, this.rotateFault.code === 'overlap_not_over' ? html`<div><button class="danger" @click=${() => this.rotate(true)}>${t.rotation.force}</button></div>` : stepsOf(this.rotateFault, acts)) : nothing}
        ${this.checking || this.checked ? this.rehearsal() : nothing}
        <div class="tiles">
          ${tile(t.rotations.next, when(row.nextRotationAt, t.rotations.byHand), row.nextRotationAt ? local(row.nextRotationAt) : '')}
          ${tile(t.rotation.lastRotated, when(row.lastRotatedAt, t.rotations.never), row.lastRotatedAt ? local(row.lastRotatedAt) : '')}
          ${tile(row.state === 'revoking' ? t.rotation.roles : t.rotation.servedRole, html`<span class="mono break">${row.state === 'revoking' ? rolesOf(row).join(', ') : (rolesOf(row)[row.activeIndex] ?? rolesOf(row)[0])}</span>`, t.strategy.short[row.strategy])}
          ${tile(t.rotation.version, row.credentialVersion || '–', row.isAutoRotationEnabled ? t.rotation.every(row.rotationInterval) : t.rotations.byHand)}
        </div>
        <section class="card pad stack" aria-labelledby="history"><h2 id="history">${t.timeline.heading}</h2>
          ${versions.length ? timeline({ roles: rolesOf(row), versions, attempts, next: row.nextRotationAt }) : html`<p class="muted">${t.timeline.none}</p>`}
          <details><summary>${t.timeline.asTable}</summary>${this.versionTable(versions)}</details>
        </section>
        <div class="split">
          <section class="card" aria-labelledby="attempts"><h2 id="attempts">${t.attempt.heading}</h2>${this.attemptTable()}</section>
          <div class="stack wide">
            ${this.may('read-generated-credentials') && row.state !== 'revoking' ? this.credentials() : nothing}
            ${row.state === 'revoking' ? nothing : consume(row)}
            ${this.facts()}
          </div>
        </div>
      </div>
      ${
        this.asked === 'edit'
          ? html`<rw-edit-rotation .row=${row} .etag=${etag} @dismiss=${() => (this.asked = null)} @saved=${() => {
              this.asked = null;
              this.live.refresh();
            }}></rw-edit-rotation>`
          : nothing
      }
      ${
        this.asked === 'rotate'
          ? modal(
              t.rotation.rotateOf(row.name),
              html`
        <p>${t.rotation.rotateSingle(rolesOf(row)[0])}</p>
        <div class="actions"><button @click=${() => (this.asked = null)}>${t.cancel}</button><button class="primary" @click=${() => this.rotate(false)}>${t.rotation.rotate}</button></div>`,
              () => (this.asked = null),
            )
          : nothing
      }
      ${
        this.asked === 'putBack'
          ? modal(
              t.rotation.putBackOf(row.name),
              html`
        <p>${t.rotation.putBack}</p>${row.driftPolicy === 'reassert' ? nothing : html`<p>${t.rotation.putBackPolicy}</p>`}
        <div class="actions"><button @click=${() => (this.asked = null)}>${t.cancel}</button><button class="primary" @click=${this.putBack}>${t.trouble.step.putBack}</button></div>`,
              () => (this.asked = null),
            )
          : nothing
      }
      ${
        this.asked === 'delete'
          ? html`<rw-delete-rotation .row=${row} @dismiss=${() => (this.asked = null)} @revoking=${() => {
              this.asked = null;
              this.live.refresh();
            }}></rw-delete-rotation>`
          : nothing
      }`;
  }

  rehearsal() {
    const { checked } = this;
    return html`<section class="card pad stack" id="checked" aria-live="polite" aria-labelledby="rehearsal"><h2 id="rehearsal">${t.preflight.heading}</h2>
      ${checked ? html`${checked.ok ? note('good', t.preflight.ok, t.preflight.okText(checked.serverVersion)) : note('bad', checked.problem?.message ?? t.preflight.notOk, checked.problem ? '' : t.preflight.notOkText)}${checked.roles.map(role)}` : html`<p class="row">${spinner()}${t.preflight.running}</p>`}</section>`;
  }

  facts() {
    const { row } = this;
    const vault = row.vaultKv;
    return html`<section class="card pad stack" aria-labelledby="facts"><h2 id="facts">${t.rotation.facts}</h2>
      <dl class="facts small">
        <dt>${t.rotation.id}</dt><dd class="mono break">${row.id} ${copyButton(row.id, t.rotation.id)}</dd>
        <dt>${t.rotation.verifiedAt}</dt><dd>${when(row.verifiedAt, t.rotation.notVerifiedYet)}</dd>
        <dt>${t.rotations.through}</dt><dd><a class="break" href=${link(`connections/${row.connectionId}`)}>${row.connection.name}</a></dd>
        <dt>${t.rotation.roles}</dt><dd class="mono break">${rolesOf(row).join(', ')}</dd>
        <dt>${t.rotation.place}</dt><dd class="break">${row.environment.slug} · ${row.folder.path}</dd>
        <dt>${t.rotation.secrets}</dt><dd class="mono break">${secretsOf(row).join(', ')}</dd>
        <dt>${t.rotation.schedule}</dt><dd>${row.isAutoRotationEnabled ? t.rotation.everyAt(row.rotationInterval, localOf(row.rotateAtUtc)) : t.rotations.byHand}</dd>
        <dt>${t.rotation.drift}</dt><dd>${t.drift.short[row.driftPolicy]}</dd>
        <dt>${t.rotation.created}</dt><dd>${local(row.createdAt)}</dd>
        ${
          vault
            ? html`<dt>${t.rotation.vault}</dt><dd><span class="mono break">${vault.mount}/${vault.path}</span>
          <div>${vault.deliveredVersion >= row.credentialVersion ? badge('good', t.rotation.vaultThere) : badge('bad', t.rotation.vaultBehind(vault.deliveredVersion, row.credentialVersion))} ${vault.deliveredAt ? when(vault.deliveredAt) : nothing}</div>
          ${vault.lastFailure ? html`<div>${vault.lastFailure}</div>` : nothing}</dd>`
            : nothing
        }
      </dl></section>`;
  }

  attemptTable() {
    const attempts = this.allAttempts;
    if (!attempts.length) return html`<p class="muted small card-text">${t.attempt.none}</p>`;
    return html`<div class="scroll" tabindex="0" role="group" aria-label=${t.attempt.heading}><table class="attempts">
      <thead><tr>${[t.attempt.when, t.attempt.role, t.attempt.why, t.attempt.outcome].map((each) => html`<th scope="col">${each}</th>`)}</tr></thead>
      <tbody>${attempts.map(
        (each) => html`<tr>
        <td class="nowrap">${when(each.startedAt)}<div class="small muted">${lasted(each.startedAt, each.finishedAt)}${each.tries > 1 ? t.attempt.tries(each.tries) : ''}</div></td>
        <td class="mono small break">${each.username}</td>
        <td>${t.cause[each.cause] ?? each.cause}<div class="small muted">${each.actorName ?? t.attempt.itself}</div></td>
        <td>${badge(each.state === 'done' ? 'good' : each.state === 'failed' ? 'bad' : 'warn', t.attempt.state[each.state])}
          ${each.state === 'done' ? nothing : html`<div class="small">${t.attempt.at(t.attempt.step[each.step])}</div>`}
          ${each.message ? html`<div class="small">${each.message}</div>` : nothing}
          ${each.reason ? html`<div class="small muted"><code>${each.reason}${each.sqlState ? ` ${each.sqlState}` : ''}</code></div>` : nothing}
          ${each.nextTryAt ? html`<div class="small muted">${t.attempt.again} ${when(each.nextTryAt)}</div>` : nothing}</td>
      </tr>`,
      )}</tbody></table></div>
      ${(this.older ?? this.live.data.older) ? html`<div class="pager"><button @click=${this.readOlder}>${t.attempt.older}</button></div>` : nothing}`;
  }

  /** Which password of a role was served from when until when: of two roles both are current, and one is served. */
  versionTable(versions) {
    const { row } = this;
    const served = rolesOf(row)[row.activeIndex] ?? rolesOf(row)[0];
    const now = Date.now();
    const until = new Map(spans(versions, now).map((each) => [each.version, each.servedUntil]));
    const end = (each) =>
      each.state === 'current' && each.username === served ? html`<strong>${t.version.now}</strong>` : until.get(each) ? precise(until.get(each)) : '–';
    const at = (moment) => (moment ? precise(moment) : '–');
    return plain(
      t.timeline.heading,
      [
        [t.attempt.role, (each) => each.username, 'mono break'],
        [t.version.number, (each) => each.number],
        [t.version.state, (each) => t.version[each.state]],
        [t.version.applied_, (each) => at(each.appliedAt), 'nowrap'],
        [t.version.served, (each) => at(each.currentAt), 'nowrap'],
        [t.version.until, end, 'nowrap'],
        [t.version.ended, (each) => at(each.endedAt), 'nowrap'],
      ],
      versions,
      'small',
    );
  }
}
customElements.define('rw-rotation', Rotation);

const tile = (label, value, more) =>
  html`<div class="card tile"><span class="label">${label}</span><span class="value">${value}</span><span class="small muted">${more}</span></div>`;

// ---- Dialogs -------------------------------------------------------------------------------------------------------------

/** As an input of date and time has it, in the reader's own time. */
const inputOf = (at) => (at ? new Date(new Date(at) - new Date(at).getTimezoneOffset() * 60_000).toISOString().slice(0, 16) : '');

const KINDS = ['digits', 'lowercase', 'uppercase', 'symbols'];
const REQUIREMENTS = 'parameters.passwordRequirements';
const required = (kind) => `${REQUIREMENTS}.required.${kind}`;
/** Another Vault answers where this one did, or it went back: that has to be meant. */
const OTHER_VAULT = ['vault_engine_replaced', 'vault_went_back'];

const valuesOf = (row) => ({
  name: row.name,
  description: row.description ?? '',
  isAutoRotationEnabled: row.isAutoRotationEnabled,
  driftPolicy: row.driftPolicy,
  rotationInterval: String(row.rotationInterval),
  rotateAtUtc: localOf(row.rotateAtUtc),
  nextRotationAt: inputOf(row.nextRotationAt),
  'secretsMapping.username': row.secretsMapping.username,
  'secretsMapping.password': row.secretsMapping.password,
  'secretsMapping.uri': row.secretsMapping.uri ?? '',
  'vaultKv.mount': row.vaultKv?.mount ?? '',
  'vaultKv.path': row.vaultKv?.path ?? '',
  'vaultKv.confirmAnotherVault': false,
  lookIntervalMinutes: String(row.lookIntervalMinutes ?? ''),
  takeover: row.takeover,
  allowPrivileged: row.allowPrivileged,
  [`${REQUIREMENTS}.length`]: String(row.parameters.passwordRequirements?.length ?? ''),
  ...Object.fromEntries(KINDS.map((kind) => [required(kind), String(row.parameters.passwordRequirements?.required?.[kind] ?? '')])),
  [`${REQUIREMENTS}.allowedSymbols`]: row.parameters.passwordRequirements?.allowedSymbols ?? '',
});

class EditRotation extends Part {
  static properties = { row: {}, etag: {} };

  connectedCallback() {
    super.connectedCallback();
    this.begin();
  }

  begin() {
    const found = { secretRotation: this.row, etag: this.etag };
    this.edit = new Edit(
      this,
      found,
      (each) => valuesOf(each.secretRotation),
      () => get(`${ROTATIONS}/${this.row.id}`),
    );
    this.form = this.edit.form;
  }

  dismiss = () => this.dispatchEvent(new Event('dismiss'));

  save = async (event) => {
    event.preventDefault();
    const { values } = this.form;
    const now = this.edit.changed;
    const is = (start) => Object.keys(now).some((path) => path.startsWith(start));
    const vault = ['vaultKv.mount', 'vaultKv.path'].map((path) => values[path].trim());
    const body = {
      ...(is('name') ? { name: values.name.trim() } : {}),
      ...(is('description') ? { description: values.description.trim() || null } : {}),
      ...(is('isAutoRotationEnabled') ? { isAutoRotationEnabled: values.isAutoRotationEnabled } : {}),
      ...(is('rotationInterval') ? { rotationInterval: Number(values.rotationInterval) || 0 } : {}),
      ...(is('rotateAtUtc') ? { rotateAtUtc: utcOf(values.rotateAtUtc || '00:00') } : {}),
      ...(is('nextRotationAt') && values.nextRotationAt ? { nextRotationAt: new Date(values.nextRotationAt).toISOString() } : {}),
      ...(is('driftPolicy') ? { driftPolicy: values.driftPolicy } : {}),
      ...(is('secretsMapping')
        ? {
            secretsMapping: {
              username: values['secretsMapping.username'],
              password: values['secretsMapping.password'],
              ...(is('secretsMapping.uri') ? { uri: values['secretsMapping.uri'].trim() } : {}),
            },
          }
        : {}),
      ...(is('vaultKv')
        ? { vaultKv: vault.some(Boolean) ? { mount: vault[0], path: vault[1], confirmAnotherVault: values['vaultKv.confirmAnotherVault'] || undefined } : null }
        : {}),
      ...(is('lookIntervalMinutes') && values.lookIntervalMinutes ? { lookIntervalMinutes: Number(values.lookIntervalMinutes) } : {}),
      ...(is('takeover') ? { takeover: values.takeover } : {}),
      ...(is('allowPrivileged') ? { allowPrivileged: values.allowPrivileged } : {}),
      ...(is(REQUIREMENTS)
        ? {
            parameters: {
              passwordRequirements: {
                length: Number(values[`${REQUIREMENTS}.length`]) || 0,
                required: Object.fromEntries(KINDS.map((kind) => [kind, Number(values[required(kind)]) || 0])),
                allowedSymbols: values[`${REQUIREMENTS}.allowedSymbols`] || undefined,
              },
            },
          }
        : {}),
    };
    const done = await this.edit.save((seen) => (Object.keys(body).length ? patch(`${ROTATIONS}/${this.row.id}`, body, seen) : null));
    if (!done) return;
    say(t.saved);
    this.dispatchEvent(new Event('saved'));
  };

  render() {
    return modal(
      t.rotation.editOf(this.row.name),
      html`<form class="stack" novalidate @submit=${this.save}>
      ${this.edit.fault()}
      ${field(this.form, 'name', t.rotation.name, { required: true })}
      ${field(this.form, 'description', t.connection.description)}
      ${toggle(this.form, 'isAutoRotationEnabled', t.wizard.auto, t.wizard.autoHint, { asSwitch: true })}
      ${this.form.values.isAutoRotationEnabled ? html`${scheduleFields(this.form, 'rotationInterval', 'rotateAtUtc')}${fiveDates(this.form.values.rotationInterval, this.form.values.rotateAtUtc, this.row.lastRotatedAt ? { at: new Date(this.row.lastRotatedAt).getTime(), manual: this.row.isLastRotationManual } : undefined)}` : nothing}
      ${choice(
        this.form,
        'driftPolicy',
        t.drift.heading,
        Object.entries(t.drift.short).map(([key, label]) => [key, label, t.drift.hint[key]]),
      )}
      <div class="pair">${field(this.form, 'secretsMapping.username', t.wizard.secretUsername, { required: true, mono: true })}${field(this.form, 'secretsMapping.password', t.wizard.secretPassword, { required: true, mono: true })}</div>
      ${this.special()}
      <div class="actions"><button type="button" @click=${this.dismiss}>${t.cancel}</button>${submitButton(this.form, t.save, t.saving)}</div></form>`,
      this.dismiss,
    );
  }

  /** What is seldom changed. It opens by itself where a fault is in it. */
  special() {
    const { form, row } = this;
    const { vaultKv: vault } = row;
    const wrong = Object.keys(form.issues).some((path) => form.issues[path] && /^(nextRotationAt|secretsMapping.uri|vaultKv|look|parameters)/.test(path));
    const numbers = (path, label, more) => field(form, path, label, { type: 'number', min: 0, required: true, ...more });
    return html`<details ?open=${wrong || OTHER_VAULT.includes(vault?.lastFailure)}><summary>${t.wizard.special}</summary><div class="stack">
      ${form.values.isAutoRotationEnabled ? field(form, 'nextRotationAt', t.rotation.nextAt, { type: 'datetime-local', hint: t.rotation.nextAtHint }) : nothing}
      ${field(form, 'secretsMapping.uri', t.rotation.secretUri, { mono: true, hint: t.rotation.secretUriHint })}
      <div class="pair">${field(form, 'vaultKv.mount', t.rotation.vaultMount, { mono: true, placeholder: 'secret' })}${field(form, 'vaultKv.path', t.rotation.vaultPath, { mono: true, hint: t.rotation.vaultHint })}</div>
      ${OTHER_VAULT.includes(vault?.lastFailure) ? toggle(form, 'vaultKv.confirmAnotherVault', t.rotation.otherVault, t.rotation.otherVaultHint) : nothing}
      ${field(form, 'lookIntervalMinutes', t.rotation.look, { type: 'number', min: 1, max: 1440, hint: t.rotation.lookHint })}
      <fieldset class="stack tight"><legend>${t.rotation.requirements}</legend>
        <div class="pair">${numbers(`${REQUIREMENTS}.length`, t.rotation.letters, { max: 250 })}${field(form, `${REQUIREMENTS}.allowedSymbols`, t.rotation.symbols, { mono: true, placeholder: '-_.~!*' })}</div>
        <div class="numbers">${KINDS.map((kind) => numbers(required(kind), t.rotation.atLeast[kind]))}</div></fieldset>
      ${toggle(form, 'takeover', t.wizard.takeover, t.wizard.takeoverHint)}
      ${toggle(form, 'allowPrivileged', t.wizard.privileged, t.wizard.privilegedHint)}</div></details>`;
  }
}
customElements.define('rw-edit-rotation', EditRotation);

/** Says who reads it before it goes. */
class DeleteRotation extends Part {
  static properties = { row: {}, usage: { state: true } };
  form = new Form(this, { passwords: 'keep' });

  async connectedCallback() {
    super.connectedCallback();
    try {
      this.usage = (await get(`${ROTATIONS}/${this.row.id}/usage`)).usage;
    } catch (problem) {
      this.form.problem = problem;
      this.requestUpdate();
    }
  }

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
    return modal(
      t.rotation.deleteOf(this.row.name),
      html`
      ${fault(this.form.problem)}
      <p>${t.rotation.deleteText(secretsOf(this.row))}</p>
      ${
        this.usage?.readers.length
          ? note(
              'warn',
              t.rotation.readers(this.usage.readers.length),
              html`<ul class="small">${this.usage.readers.slice(0, 10).map((each) => html`<li class="break">${each.name ?? each.identityId} <span class="muted">(${when(each.lastReadAt)})</span></li>`)}</ul>${this.usage.readers.length > 10 ? html`<p class="small">${t.table.count(10, this.usage.readers.length)}.</p>` : nothing}`,
            )
          : this.usage
            ? html`<p class="small">${t.rotation.noReaders(local(this.usage.since))}</p>`
            : nothing
      }
      ${choice(this.form, 'passwords', t.rotation.passwords, [
        ['keep', t.rotation.keep, waiting ? t.rotation.giveUpHint : t.rotation.keepHint(rolesOf(this.row).join(', '))],
        ['revoke', t.rotation.revoke, t.rotation.revokeHint],
      ])}
      <div class="actions"><button @click=${this.dismiss}>${t.cancel}</button>
        <button class="danger primary" aria-disabled=${this.form.busy ? 'true' : nothing} @click=${this.delete}>${this.form.busy ? spinner() : nothing}${t.rotation.delete}</button></div>`,
      this.dismiss,
    );
  }
}
customElements.define('rw-delete-rotation', DeleteRotation);
