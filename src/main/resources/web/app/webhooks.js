// Who outside is told what happens, and what came of it.
import { Problem, TROUBLES, get, patch, post, projects, remove, session } from './api.js';
import { Edit, asking, needed } from './asking.js';
import { Live } from './live.js';
import { go, link, title } from './router.js';
import { troubleNote } from './trouble.js';
import {
  Form,
  Part,
  badge,
  copyButton,
  empty,
  fault,
  field,
  head,
  html,
  icon,
  loading,
  menu,
  modal,
  note,
  nothing,
  plain,
  precise,
  say,
  spinner,
  toggle,
  when,
} from './ui.js';
import { t } from './texts.js';
import './table.js';
import { listed } from './listed.js';

const WEBHOOKS = '/api/v1/webhooks';
const EVENTS = ['credential-changed', 'failed', 'in-doubt', 'drifted', 'recovered', 'overdue', 'credential-expiring'];
/** Of managed connections two are called otherwise. */
const OF_CONNECTION = { failed: 'rotation-failed', 'in-doubt': 'rotation-in-doubt' };
const OF_ROTATION = ['secrets-renamed', 'deleted'];
const ALL = [...[...EVENTS, ...OF_ROTATION].map((each) => `rotation.${each}`), ...EVENTS.map((each) => `app-connection.${OF_CONNECTION[each] ?? each}`)];
const DELIVERY = { pending: 'warn', delivered: 'good', dead: 'bad' };

const health = (row) =>
  !row.enabled ? badge('', t.webhooks.off) : row.failures ? badge('bad', t.webhooks.failing(row.failures)) : badge('good', t.webhooks.on);

class Webhooks extends Part {
  static properties = { adding: { state: true }, made: { state: true }, mine: { state: true } };

  constructor() {
    super();
    this.columns = [
      {
        key: 'name',
        label: t.webhooks.name,
        width: '24%',
        sort: true,
        cell: (row) => html`<div class="clip"><a class="cell-main" href=${link(`webhooks/${row.id}`)} title=${row.name}>${row.name}</a></div>`,
      },
      {
        key: 'project',
        label: t.rotations.project,
        width: '16%',
        sort: true,
        cell: (row) => html`<div class="clip">${row.project?.name}</div>`,
      },
      {
        key: 'url',
        label: t.webhooks.url,
        width: '28%',
        sort: true,
        cell: (row) => html`<div class="clip mono small" title=${row.url}>${row.url}</div>`,
      },
      { key: 'state', label: t.webhooks.state, width: '14%', sort: true, cell: health },
      {
        key: 'last',
        label: t.webhooks.lastDelivered,
        width: '18%',
        sort: true,
        cell: (row) => when(row.lastDeliveredAt, t.rotations.never),
      },
    ];
    const read = listed(WEBHOOKS, 'webhooks');
    this.source = async (wanted, signal) => {
      const [found, answer] = await Promise.all([projects(), read(wanted, signal)]);
      const names = new Map(found.map((each) => [each.id, each]));
      answer.rows.forEach((row) => (row.project = names.get(row.projectId)));
      this.mine = found.filter((each) => session.may('edit:webhooks', each.id));
      return answer;
    };
  }

  render() {
    const add = session.may('edit:webhooks')
      ? html`<button class="primary" @click=${() => (this.adding = new Form(this, { name: '', url: '', caCert: '', projectId: this.mine?.[0]?.id ?? '', events: ALL.slice(0, 6) }))}>${icon('add')}${t.webhooks.add}</button>`
      : nothing;
    return html`
      ${head(t.webhooks.heading, t.webhooks.text, { actions: add })}
      <rw-table .label=${t.webhooks.heading} .columns=${this.columns} .source=${this.source} .order=${'state'} .nothingYet=${empty('audit', t.webhooks.none, t.webhooks.noneText, add)}></rw-table>
      ${this.adding ? this.dialog() : nothing}
      ${this.made ? secretDialog(this.made.secret, () => go(`webhooks/${this.made.webhook.id}`)) : nothing}`;
  }

  dialog() {
    const form = this.adding;
    const { values } = form;
    return asking(
      form,
      {
        heading: t.webhooks.add,
        body: () =>
          html`${field(form, 'projectId', t.rotations.project, { required: true, options: (this.mine ?? []).map((each) => [each.id, each.name]) })}${fields(form)}`,
        faults: () => needed(values, 'name', 'url', 'projectId'),
        send: () => post(WEBHOOKS, { ...values, name: values.name.trim(), url: values.url.trim(), caCert: values.caCert.trim() || undefined }),
        button: t.webhooks.add,
      },
      () => (this.adding = null),
      (done) => {
        this.adding = null;
        this.made = done;
      },
    );
  }
}
customElements.define('rw-webhooks', Webhooks);

/** @param events whether it can be chosen what is told: not in the reference's format, which knows one event */
const fields = (form, events = true) => html`
  ${field(form, 'name', t.webhooks.name, { required: true, placeholder: 'deploy-hook' })}
  ${field(form, 'url', t.webhooks.url, { required: true, placeholder: 'https://hooks.example.com/rolewright' })}
  ${field(form, 'caCert', t.tls.ca, { rows: 2, hint: t.tls.caHint })}
  ${
    events
      ? html`<fieldset><legend>${t.webhooks.events}</legend><div class="events">${ALL.map(
          (name) => html`<div class="check">
    <input type="checkbox" id="${form.id}-${name}" .checked=${form.values.events.includes(name)} @change=${(event) => form.change('events', event.target.checked ? [...form.values.events, name] : form.values.events.filter((each) => each !== name))}>
    <label for="${form.id}-${name}" class="mono small">${name}</label></div>`,
        )}</div></fieldset>`
      : nothing
  }`;

const secretDialog = (secret, close) =>
  modal(
    t.identities.shown,
    html`<p>${t.webhooks.secretText}</p>
  <div class="secret"><span>${secret}</span>${copyButton(secret, t.identities.secret)}</div>
  <div class="actions"><button class="primary" @click=${close}>${t.close}</button></div>`,
  );

const SUBJECTS = { rotation: ['rotations', 'rotation'], 'app-connection': ['connections', 'connection'] };

function aboutOf({ subjectKind, subjectId, credentialVersion }) {
  const [page, kind] = SUBJECTS[subjectKind] ?? [];
  return html`${page ? html`<a href=${link(`${page}/${subjectId}`)}>${t.trouble.kind[kind]}</a>` : subjectKind}${credentialVersion ? html` <span class="muted small">${t.webhooks.version(credentialVersion)}</span>` : nothing}`;
}

const deliveredOf = (each) => html`${badge(DELIVERY[each.state], t.webhooks.delivery[each.state])}
  <div class="small muted">${each.tries ? t.webhooks.tries(each.tries) : nothing} ${each.lastFailure ?? ''} ${each.lastStatus ?? ''}${each.nextTryAt ? html` · ${t.trouble.next} ${when(each.nextTryAt)}` : nothing}</div>`;

class Webhook extends Part {
  static properties = {
    which: {},
    asked: { state: true },
    editing: { state: true },
    secret: { state: true },
    busy: { state: true },
    problem: { state: true },
    tested: { state: true },
    state: { state: true },
  };
  state = '';
  wanted = 50;
  live = new Live(
    this,
    async (signal) => {
      const [one, list, { troubles }] = await Promise.all([
        get(this.path, {}, signal),
        get(`${this.path}/deliveries`, { limit: this.wanted, state: this.state }, signal),
        session.may('read:secret-rotation') ? get(TROUBLES, { subjectId: this.which }, signal) : { troubles: [] },
      ]);
      return { one, row: one.webhook, deliveries: list.deliveries, more: list.nextCursor, troubles };
    },
    { changing: ({ deliveries }) => deliveries.some((each) => each.state === 'pending') },
  );

  get path() {
    return `${WEBHOOKS}/${encodeURIComponent(this.which)}`;
  }

  /** Does one thing at a time; what the service says no with stands on the page. */
  async act(work, said) {
    if (this.busy) return undefined;
    this.busy = true;
    this.problem = null;
    try {
      const done = await work();
      if (said) say(typeof said === 'function' ? said(done) : said);
      return done;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.problem = problem;
      return undefined;
    } finally {
      this.busy = false;
      this.live.refresh();
    }
  }

  static valuesOf = ({ webhook: { name, url, caCert, events, enabled } }) => ({ name, url, caCert: caCert ?? '', events, enabled });

  /** @param found the answer that it was read by */
  edit(found) {
    this.editing = new Edit(this, found, Webhook.valuesOf, () => get(this.path));
  }

  test = async () => {
    this.tested = await this.act(() => post(`${this.path}/test`));
  };

  replayDead = () => this.act(() => post(`${this.path}/replay-dead`), t.webhooks.replayed);

  render() {
    const crumbs = [[t.webhooks.heading, link('webhooks')]];
    const { live } = this;
    if (!live.data) return html`${head(t.webhooks.one, '', { crumbs })}${live.problem ? live.fault() : html`<div class="card">${loading()}</div>`}`;
    const { row, deliveries, more, troubles } = live.data;
    title(row.name);
    const may = session.may('edit:webhooks', row.projectId);
    return html`
      ${head(row.name, row.url, {
        crumbs,
        beside: health(row),
        actions: may
          ? html`
          <button class="primary" aria-disabled=${this.busy ? 'true' : nothing} @click=${this.test}>${this.busy ? spinner() : nothing}${t.webhooks.test}</button>
          <button @click=${() => this.edit(live.data.one)}>${t.rotation.edit}</button>
          ${menu(t.connections.actionsOf(row.name), [
            { text: t.webhooks.replayDead, act: this.replayDead },
            { text: t.webhooks.rotateSecret, act: async () => (this.secret = (await this.act(() => post(`${this.path}/rotate-secret`)))?.secret) },
            { text: t.webhooks.delete, danger: true, act: () => (this.asked = new Form(this, {})) },
          ])}`
          : nothing,
      })}
      <div class="stack wide">
        <div class="strip">${live.age()}</div>
        ${troubles.map((each) => troubleNote(each, may ? { test: this.test, replay: this.replayDead } : {}))}
        ${fault(this.problem)}
        ${this.tested ? (this.tested.ok ? note('good', t.webhooks.testPassed, '') : note('bad', t.webhooks.testFailed, `${this.tested.failure ?? ''} ${this.tested.status ?? ''}`)) : nothing}
        <section class="card" aria-labelledby="deliveries"><div class="row apart pad"><h2 id="deliveries">${t.webhooks.deliveries}</h2>
          <select aria-label=${t.webhooks.anyState} @change=${(event) => {
            this.state = event.target.value;
            live.refresh();
          }}><option value="">${t.webhooks.anyState}</option>${Object.entries(t.webhooks.delivery).map(([key, text]) => html`<option value=${key} ?selected=${this.state === key}>${text}</option>`)}</select></div>
          ${
            deliveries.length
              ? html`${plain(
                  t.webhooks.deliveries,
                  [
                    [t.audit.at, (each) => precise(each.at), 'nowrap small'],
                    [t.webhooks.event, (each) => each.event, 'mono small break'],
                    [t.webhooks.about, aboutOf],
                    [t.webhooks.state, deliveredOf],
                    [
                      '',
                      (each) =>
                        may && each.state !== 'pending'
                          ? html`<button class="quiet" @click=${() => this.act(() => post(`${this.path}/deliveries/${each.id}/replay`), t.webhooks.again)}>${t.webhooks.replay}</button>`
                          : nothing,
                      'actions',
                    ],
                  ],
                  deliveries,
                )}
            <div class="pager"><span>${t.webhooks.shown(deliveries.length, Boolean(more))}</span>${
              more
                ? html`<button @click=${() => {
                    this.wanted = Math.min(1000, this.wanted + 100);
                    live.refresh();
                  }}>${t.attempt.older}</button>`
                : nothing
            }</div>`
              : empty('audit', t.webhooks.noDeliveries, t.webhooks.noDeliveriesText)
          }
        </section>
      </div>
      ${this.editing ? this.editDialog(row) : nothing}
      ${this.secret ? secretDialog(this.secret, () => (this.secret = null)) : nothing}
      ${
        this.asked
          ? asking(
              this.asked,
              {
                heading: t.connections.deleteOf(row.name),
                body: () => html`<p>${t.webhooks.deleteText}</p>`,
                send: () => remove(this.path),
                button: t.webhooks.delete,
                danger: true,
              },
              () => (this.asked = null),
              () => {
                say(t.connections.deleted(row.name));
                go('webhooks');
              },
            )
          : nothing
      }`;
  }

  editDialog(row) {
    const { form } = this.editing;
    return asking(
      form,
      {
        heading: t.rotation.editOf(row.name),
        body: () => html`${toggle(form, 'enabled', t.webhooks.enabled, t.webhooks.enabledHint, { asSwitch: true })}${fields(form, row.format !== 'infisical')}`,
        faults: () => needed(form.values, 'name', 'url'),
        edit: this.editing,
        send: (seen) => {
          const body = this.editing.changed;
          if ('caCert' in body) body.caCert = body.caCert.trim() || null;
          return Object.keys(body).length ? patch(this.path, body, seen) : null;
        },
        button: t.save,
      },
      () => (this.editing = null),
      () => {
        this.editing = null;
        say(t.saved);
        this.live.refresh();
      },
    );
  }
}
customElements.define('rw-webhook', Webhook);
