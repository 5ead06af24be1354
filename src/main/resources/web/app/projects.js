// Projects, and who may do what in them.
import { PROJECTS, all, get, patch, post, put, remove, session } from './api.js';
import { asking, needed } from './asking.js';
import { picked, picking, protection, roleBadges, rolePicker } from './identities.js';
import { Live } from './live.js';
import { go, link, title } from './router.js';
import { Form, Part, changed, copy, empty, field, head, html, icon, loading, menu, nothing, plain, say, searched, when } from './ui.js';
import { t } from './texts.js';
import './table.js';
import { whole } from './whole.js';

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
        sort: (row) => row.name,
        cell: (row) => html`<div class="clip"><a class="cell-main" href=${link(`projects/${row.id}`)}>${row.name}</a></div>`,
      },
      { key: 'slug', label: t.projects.slug, width: '32%', sort: (row) => row.slug, cell: (row) => html`<span class="mono small">${row.slug}</span>` },
      { key: 'created', label: t.rotation.created, width: '24%', sort: (row) => new Date(row.createdAt).getTime(), cell: (row) => when(row.createdAt) },
      {
        key: 'actions',
        label: t.actions,
        width: '8%',
        cell: (row) => menu(t.connections.actionsOf(row.name), [{ text: t.projects.copyId, act: () => copy(row.id, t.projects.id) }]),
      },
    ];
    this.source = whole(
      async () => (await get(PROJECTS)).projects,
      (row) => `${row.name} ${row.slug} ${row.id}`,
      this.columns,
    );
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
    const [members, identities] = await Promise.all([
      session.may('read:project-identities', row.id) ? get(`${this.path}/identity-memberships`, {}, signal) : {},
      session.may('read:identities', null) ? all('/api/v1/identities', 'identities', {}, undefined, signal) : null,
    ]);
    return { row, members: members.identityMemberships, identities };
  });

  /** What the form begins with. */
  static valuesOf = ({ name, slug, description, hasDeleteProtection }) => ({ name, slug, description: description ?? '', hasDeleteProtection });

  ask(kind, values, chosen) {
    this.asked = { kind, chosen, before: values, form: new Form(this, values) };
  }

  get path() {
    return `${PROJECTS}/${encodeURIComponent(this.which)}`;
  }

  render() {
    const crumbs = [[t.projects.heading, link('projects')]];
    const { live } = this;
    if (!live.data) return html`${head(t.projects.one, '', { crumbs })}${live.problem ? live.fault() : html`<div class="card">${loading()}</div>`}`;
    const { row, members, identities } = live.data;
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
                      identities ? html`<a class="cell-main" href=${link(`identities/${each.identityId}`)}>${each.identityName}</a>` : each.identityName,
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
    const { row, identities } = this.live.data;
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
        ${identities && !chosen ? searched(form, 'identityId', t.projects.identity, [['', '–'], ...identities.map((each) => [each.id, each.name])]) : field(form, 'identityId', t.projects.identityId, { required: true, disabled: Boolean(chosen) })}${rolePicker(form, IN_PROJECT)}`,
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
