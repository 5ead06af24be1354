// Projects, and who may do what in them.
import { PROJECTS, Problem, get, patch, post, put, remove, session } from './api.js';
import { Edit, asking, needed } from './asking.js';
import { picked, protection, roleBadges, rolePicker } from './identities.js';
import { Live } from './live.js';
import { go, link, title } from './router.js';
import { Form, Part, copy, empty, field, head, html, icon, loading, menu, nothing, plain, say, searched, when } from './ui.js';
import { t } from './texts.js';
import './table.js';
import { listed } from './listed.js';

/** Where environments are. */
const WORKSPACES = '/api/v1/workspace';

/** So many identities are offered at once; milliseconds from the last key that is typed to the search. */
const SHOWN = 100;
const FINDING = 300;

/** The reference's words for roles in a project. */
const MEANS = { member: ['operator', 'consumer'], viewer: ['reader', 'consumer'], 'no-access': [] };

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
    const one = await get(this.path, {}, signal);
    const row = one.project;
    const [members, { workspace }] = await Promise.all([
      session.may('read:project-identities', row.id) ? get(`${this.path}/identity-memberships`, {}, signal) : {},
      get(`${WORKSPACES}/${row.id}`, {}, signal),
    ]);
    return { one, row, members: members.identityMemberships, environments: workspace.environments };
  });

  /** What the form begins with. */
  static valuesOf = ({ project: { name, slug, description, hasDeleteProtection } }) => ({ name, slug, description: description ?? '', hasDeleteProtection });

  edit() {
    const edit = new Edit(this, this.live.data.one, Project.valuesOf, () => get(this.path));
    this.asked = { kind: 'edit', edit, form: edit.form };
  }

  static rolesOf = ({ identityMembership: { identityId, roles } }) => ({
    identityId,
    ...Object.fromEntries(
      IN_PROJECT.map((each) => [`role.${each}`, roles.some(({ role, customRoleSlug }) => (MEANS[role] ?? [customRoleSlug ?? role]).includes(each))]),
    ),
  });

  static placeOf = ({ environment: { name, slug, position } }) => ({ name, slug, position: String(position) });

  /** Reads it first: a list has nothing that says what was seen of one. */
  async editOne(kind, path, valuesOf, chosen) {
    try {
      const read = () => get(path);
      const edit = new Edit(this, await read(), valuesOf, read);
      this.asked = { kind, edit, form: edit.form, chosen };
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.live.refresh(); // it is gone: so will be its row
    }
  }

  ask(kind, values, chosen) {
    this.asked = { kind, chosen, form: new Form(this, values, (path) => path === 'identityId.find' && this.find(FINDING)) };
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
    const { row, members, environments } = live.data;
    title(row.name);
    const may = (right) => session.may(right, row.id);
    const ask = (...what) => this.ask(...what);
    return html`
      ${head(row.name, row.description || row.slug, {
        crumbs,
        beside: live.age(),
        actions: html`
        ${may('edit:projects') ? html`<button @click=${() => this.edit()}>${t.projects.edit}</button>` : nothing}
        ${may('delete:projects') ? html`<button class="danger" @click=${() => ask('delete', {})}>${t.projects.delete}</button>` : nothing}`,
      })}
      <div class="stack wide">
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
                        ? html`<button class="quiet" @click=${() => this.editOne('member', `/api/v2/workspace/${row.id}/identity-memberships/${each.identityId}`, Project.rolesOf, each)}>${t.projects.change}</button><button class="quiet" @click=${() => ask('leave', {}, each)}>${t.projects.take}</button>`
                        : nothing,
                    'actions',
                  ],
                ],
                members,
              )
            : html`<p class="muted small pad">${members ? t.projects.noMembers : t.projects.notYours}</p>`
        }
      </section>
      <section class="card" aria-labelledby="environments">
        <div class="pad"><h2 id="environments">${t.projects.environments}</h2><p class="small muted">${t.projects.environmentsText}</p></div>
        ${
          environments.length
            ? plain(
                t.projects.environments,
                [
                  [t.projects.name, (each) => html`<strong>${each.name}</strong>`],
                  [t.projects.slug, (each) => each.slug, 'mono break'],
                  [
                    '',
                    (each) =>
                      may('edit:projects')
                        ? html`<button class="quiet" aria-label="${t.projects.edit}: ${each.name}" @click=${() => this.editOne('environment', `${WORKSPACES}/environments/${each.id}`, Project.placeOf, each)}>${t.projects.edit}</button>`
                        : nothing,
                    'actions',
                  ],
                ],
                environments,
              )
            : html`<p class="muted small pad">${t.projects.noEnvironments}</p>`
        }
      </section>
      </div>
      ${this.asked ? this.dialog() : nothing}`;
  }

  dialog() {
    const { kind, form, edit, chosen } = this.asked;
    const { values } = form;
    const { row } = this.live.data;
    const { identities = [], totalCount = 0 } = this.found ?? {};
    const plans = {
      edit: {
        heading: t.projects.edit,
        body: () => html`${field(form, 'name', t.projects.name, { required: true })}${field(form, 'slug', t.projects.slug, { required: true })}
          ${field(form, 'description', t.connection.description)}${protection(form)}`,
        faults: () => needed(values, 'name', 'slug'),
        edit,
        send: (seen) => (Object.keys(edit.changed).length ? patch(this.path, edit.changed, seen) : null),
        button: t.save,
      },
      environment: {
        heading: t.projects.environment,
        body: () => html`${field(form, 'name', t.projects.name, { required: true })}
          <div class="pair">${field(form, 'slug', t.projects.slug, { required: true, mono: true, hint: t.projects.environmentSlugHint })}${field(form, 'position', t.projects.position, { type: 'number', min: 1, required: true })}</div>`,
        faults: () => needed(values, 'name', 'slug', 'position'),
        edit,
        send: (seen) => {
          const body = edit.changed;
          if ('position' in body) body.position = Number(body.position);
          return Object.keys(body).length ? patch(`${WORKSPACES}/${row.id}/environments/${chosen.id}`, body, seen) : null;
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
        edit,
        send: (seen) => put(`${this.path}/identity-memberships/${encodeURIComponent(values.identityId.trim())}`, { roles: picked(form) }, seen),
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
