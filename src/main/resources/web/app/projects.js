// Projects, and who may do what in them.
import { PROJECTS, Problem, get, patch, post, put, remove, session } from './api.js';
import { asking, needed } from './asking.js';
import { picked, picking, protection, roleBadges, rolePicker } from './identities.js';
import { Live } from './live.js';
import { go, link, title } from './router.js';
import { Form, Part, changed, copy, empty, field, head, html, icon, loading, menu, nothing, plain, say, searched, when } from './ui.js';
import { t } from './texts.js';
import './table.js';
import { listed } from './listed.js';

/** So many identities are offered at once; milliseconds from the last key that is typed to the search. */
const SHOWN = 100;
const FINDING = 300;

const IN_PROJECT = ['admin', 'operator', 'reader', 'consumer'];

class Projects extends Part {
  static properties = { adding: { state: true } };

  constructor() {
    super();
    this.columns = [
      {
        key: 'name',
        label: t.projects.name,
        width: '36%',
        sort: true,
        cell: (row) => html`<div class="clip"><a class="cell-main" href=${link(`projects/${row.id}`)}>${row.name}</a></div>`,
      },
      { key: 'slug', label: t.projects.slug, width: '32%', sort: true, cell: (row) => html`<span class="mono small">${row.slug}</span>` },
      { key: 'created', label: t.rotation.created, width: '24%', sort: true, cell: (row) => when(row.createdAt) },
      {
        key: 'actions',
        label: t.actions,
        width: '8%',
        cell: (row) => menu(t.connections.actionsOf(row.name), [{ text: t.projects.copyId, act: () => copy(row.id, t.projects.id) }]),
      },
    ];
    this.source = listed(PROJECTS, 'projects');
  }

  render() {
    const add = session.may('create:projects')
      ? html`<button class="primary" @click=${() => (this.adding = new Form(this, { projectName: '', slug: '' }))}>${icon('add')}${t.projects.add}</button>`
      : nothing;
    return html`
      ${head(t.projects.heading, t.projects.text, { actions: add })}
      <rw-table .label=${t.projects.heading} .columns=${this.columns} .source=${this.source} .nothingYet=${empty('projects', t.projects.none, t.projects.text)}></rw-table>
      ${this.adding ? this.dialog() : nothing}`;
  }

  dialog() {
    const form = this.adding;
    const { values } = form;
    return asking(
      form,
      {
        heading: t.projects.add,
        body: () =>
          html`${field(form, 'projectName', t.projects.name, { required: true, placeholder: 'Payments' })}${field(form, 'slug', t.projects.slug, { hint: t.projects.slugHint })}`,
        faults: () => needed(values, 'projectName'),
        send: () => post(PROJECTS, { projectName: values.projectName.trim(), slug: values.slug.trim() || undefined }),
        button: t.projects.add,
      },
      () => (this.adding = null),
      (done) => go(`projects/${done.project.id}`),
    );
  }
}
customElements.define('rw-projects', Projects);

class Project extends Part {
  static properties = { which: {}, asked: { state: true } };
  live = new Live(this, async (signal) => {
    const { project: row } = await get(this.path, {}, signal);
    const members = session.may('read:project-identities', row.id) ? await get(`${this.path}/identity-memberships`, {}, signal) : {};
    return { row, members: members.identityMemberships };
  });

  /** What the form begins with. */
  static valuesOf = ({ name, slug, description, hasDeleteProtection }) => ({ name, slug, description: description ?? '', hasDeleteProtection });

  ask(kind, values, chosen) {
    this.asked = { kind, chosen, before: values, form: new Form(this, values, (path) => path === 'identityId.find' && this.find(FINDING)) };
    this.found = null;
    if (kind === 'member' && !chosen && this.seesAll) this.find(0);
  }

  get seesAll() {
    return session.may('read:identities', null);
  }

  /** The first of the identities that fit what is typed. */
  find(pause) {
    clearTimeout(this.finding);
    const { form } = this.asked;
    this.finding = setTimeout(async () => {
      try {
        this.found = await get('/api/v1/identities', { search: form.values['identityId.find'], limit: SHOWN, offset: 0 });
      } catch (problem) {
        if (!(problem instanceof Problem)) throw problem;
        form.problem = problem;
      }
      this.requestUpdate();
    }, pause);
  }

  get path() {
    return `${PROJECTS}/${encodeURIComponent(this.which)}`;
  }

  render() {
    const crumbs = [[t.projects.heading, link('projects')]];
    const { live } = this;
    if (!live.data) return html`${head(t.projects.one, '', { crumbs })}${live.problem ? live.fault() : html`<div class="card">${loading()}</div>`}`;
    const { row, members } = live.data;
    title(row.name);
    const may = (right) => session.may(right, row.id);
    const ask = (...what) => this.ask(...what);
    return html`
      ${head(row.name, row.description || row.slug, {
        crumbs,
        beside: live.age(),
        actions: html`
        ${may('edit:projects') ? html`<button @click=${() => ask('edit', Project.valuesOf(row))}>${t.projects.edit}</button>` : nothing}
        ${may('delete:projects') ? html`<button class="danger" @click=${() => ask('delete', {})}>${t.projects.delete}</button>` : nothing}`,
      })}
      <section class="card" aria-labelledby="members">
        <div class="pad row apart"><div class="grow"><h2 id="members">${t.projects.members}</h2><p class="small muted">${t.projects.membersText}</p></div>
          ${may('edit:project-identities') ? html`<button @click=${() => ask('member', { identityId: '' })}>${icon('add')}${t.projects.addMember}</button>` : nothing}</div>
        ${
          members?.length
            ? plain(
                t.projects.members,
                [
                  [
                    t.identities.name,
                    (each) =>
                      this.seesAll ? html`<a class="cell-main" href=${link(`identities/${each.identityId}`)}>${each.identityName}</a>` : each.identityName,
                  ],
                  [t.identities.roles, (each) => roleBadges(each.roles)],
                  [
                    '',
                    (each) =>
                      may('edit:project-identities')
                        ? html`<button class="quiet" @click=${() => ask('member', { identityId: each.identityId, ...picking(each.roles) }, each)}>${t.projects.change}</button><button class="quiet" @click=${() => ask('leave', {}, each)}>${t.projects.take}</button>`
                        : nothing,
                    'actions',
                  ],
                ],
                members,
              )
            : html`<p class="muted small pad">${members ? t.projects.noMembers : t.projects.notYours}</p>`
        }
      </section>
      ${this.asked ? this.dialog() : nothing}`;
  }

  dialog() {
    const { kind, form, before, chosen } = this.asked;
    const { values } = form;
    const { row } = this.live.data;
    const { identities = [], totalCount = 0 } = this.found ?? {};
    const plans = {
      edit: {
        heading: t.projects.edit,
        body: () => html`${field(form, 'name', t.projects.name, { required: true })}${field(form, 'slug', t.projects.slug, { required: true })}
          ${field(form, 'description', t.connection.description)}${protection(form)}`,
        faults: () => needed(values, 'name', 'slug'),
        send: () => {
          const body = changed(values, before);
          return Object.keys(body).length ? patch(this.path, body) : { project: row };
        },
        button: t.save,
      },
      delete: {
        heading: t.projects.delete,
        body: () => html`<p>${t.projects.deleteText(row.name)}</p>`,
        send: () => remove(this.path),
        button: t.projects.delete,
        danger: true,
      },
      leave: {
        heading: t.projects.take,
        body: () => html`<p>${t.projects.takeText(chosen.identityName)}</p>`,
        send: () => remove(`${this.path}/identity-memberships/${chosen.identityId}`),
        button: t.projects.take,
        danger: true,
      },
      member: {
        heading: chosen ? t.projects.change : t.projects.addMember,
        body: () => html`
        ${this.seesAll && !chosen ? searched(form, 'identityId', t.projects.identity, [['', '–'], ...identities.map((each) => [each.id, each.name])], { count: totalCount, first: identities.length }) : field(form, 'identityId', t.projects.identityId, { required: true, disabled: Boolean(chosen) })}${rolePicker(form, IN_PROJECT)}`,
        faults: () => ({ ...needed(values, 'identityId'), roles: picked(form).length ? '' : t.projects.oneRole }),
        send: () => put(`${this.path}/identity-memberships/${encodeURIComponent(values.identityId.trim())}`, { roles: picked(form) }),
        button: t.save,
      },
    };
    return asking(
      form,
      plans[kind],
      () => (this.asked = null),
      () => {
        this.asked = null;
        if (kind === 'delete') {
          go('projects');
          return;
        }
        say(t.saved);
        this.live.refresh();
      },
    );
  }
}
customElements.define('rw-project', Project);
