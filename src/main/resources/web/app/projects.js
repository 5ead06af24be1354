// Projects, and who may do what in them.
import { PROJECTS, all, get, patch, post, put, remove, session } from './api.js';
import { go, link } from './router.js';
import { picked, picking, roleBadges, rolePicker } from './identities.js';
import { Form, Part, copy, empty, fault, field, head, html, icon, loading, menu, modal, nothing, say, searched, submitButton, when } from './ui.js';
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
    const close = () => (this.adding = null);
    const save = async (event) => {
      event.preventDefault();
      if (!form.faults({ projectName: form.values.projectName.trim() ? '' : t.form.required })) return;
      const done = await form.submit(() => post(PROJECTS, { projectName: form.values.projectName.trim(), slug: form.values.slug.trim() || undefined }));
      if (done) go(`projects/${done.project.id}`);
    };
    return modal(
      t.projects.add,
      html`<form class="stack" novalidate @submit=${save}>${fault(form.problem)}
      ${field(form, 'projectName', t.projects.name, { required: true, placeholder: 'Payments' })}${field(form, 'slug', t.projects.slug, { hint: t.projects.slugHint })}
      <div class="actions"><button type="button" @click=${close}>${t.cancel}</button>${submitButton(form, t.projects.add, t.saving)}</div></form>`,
      close,
    );
  }
}
customElements.define('rw-projects', Projects);

class Project extends Part {
  static properties = {
    which: {},
    row: { state: true },
    members: { state: true },
    identities: { state: true },
    problem: { state: true },
    asked: { state: true },
  };

  connectedCallback() {
    super.connectedCallback();
    this.read();
  }

  get path() {
    return `${PROJECTS}/${encodeURIComponent(this.which)}`;
  }

  async read() {
    try {
      this.row = (await get(this.path)).project;
      this.members = session.may('read:project-identities', this.row.id) ? (await get(`${this.path}/identity-memberships`)).identityMemberships : null;
      this.identities = session.may('read:identities', null) ? await all('/api/v1/identities', 'identities') : null;
    } catch (problem) {
      this.problem = problem;
    }
  }

  render() {
    const crumbs = [[t.projects.heading, link('projects')]];
    if (this.problem) return html`${head(t.projects.one, '', { crumbs })}${fault(this.problem)}`;
    if (!this.row || this.members === undefined) return html`${head(t.projects.one, '', { crumbs })}<div class="card">${loading()}</div>`;
    const { row } = this;
    const may = (right) => session.may(right, row.id);
    const ask = (kind, values, chosen) => (this.asked = { kind, chosen, form: new Form(this, values) });
    return html`
      ${head(row.name, row.slug, {
        crumbs,
        actions: html`
        ${may('edit:projects') ? html`<button @click=${() => ask('edit', { name: row.name, slug: row.slug })}>${t.projects.edit}</button>` : nothing}
        ${may('delete:projects') ? html`<button class="danger" @click=${() => ask('delete', {})}>${t.projects.delete}</button>` : nothing}`,
      })}
      <section class="card" aria-labelledby="members">
        <div class="pad row apart"><div class="grow"><h2 id="members">${t.projects.members}</h2><p class="small muted">${t.projects.membersText}</p></div>
          ${may('edit:project-identities') ? html`<button @click=${() => ask('member', { identityId: '' })}>${icon('add')}${t.projects.addMember}</button>` : nothing}</div>
        ${
          this.members?.length
            ? html`<div class="scroll" tabindex="0" role="group" aria-labelledby="members"><table><thead><tr><th scope="col">${t.identities.name}</th><th scope="col">${t.identities.roles}</th><th scope="col"><span class="sr">${t.actions}</span></th></tr></thead><tbody>
          ${this.members.map(
            (
              each,
            ) => html`<tr><td>${this.identities ? html`<a class="cell-main" href=${link(`identities/${each.identityId}`)}>${each.identityName}</a>` : each.identityName}</td><td>${roleBadges(each.roles)}</td>
            <td class="actions">${may('edit:project-identities') ? html`<button class="quiet" @click=${() => ask('member', { identityId: each.identityId, ...picking(each.roles) }, each)}>${t.projects.change}</button><button class="quiet" @click=${() => ask('leave', {}, each)}>${t.projects.take}</button>` : nothing}</td></tr>`,
          )}
          </tbody></table></div>`
            : html`<p class="muted small pad">${this.members ? t.projects.noMembers : t.projects.notYours}</p>`
        }
      </section>
      ${this.asked ? this.dialog() : nothing}`;
  }

  dialog() {
    const { kind, form, chosen } = this.asked;
    const { values } = form;
    const close = () => (this.asked = null);
    const plans = {
      edit: [
        t.projects.edit,
        () => html`${field(form, 'name', t.projects.name, { required: true })}${field(form, 'slug', t.projects.slug, { required: true })}`,
        () => patch(this.path, { name: values.name.trim(), slug: values.slug.trim() }),
        t.save,
      ],
      delete: [t.projects.delete, () => html`<p>${t.projects.deleteText(this.row.name)}</p>`, () => remove(this.path), t.projects.delete],
      leave: [
        t.projects.take,
        () => html`<p>${t.projects.takeText(chosen.identityName)}</p>`,
        () => remove(`${this.path}/identity-memberships/${chosen.identityId}`),
        t.projects.take,
      ],
      member: [
        chosen ? t.projects.change : t.projects.addMember,
        () => html`
        ${this.identities && !chosen ? searched(form, 'identityId', t.projects.identity, [['', '–'], ...this.identities.map((each) => [each.id, each.name])]) : field(form, 'identityId', t.projects.identityId, { required: true, disabled: Boolean(chosen) })}${rolePicker(form, IN_PROJECT)}`,
        () => put(`${this.path}/identity-memberships/${encodeURIComponent(values.identityId.trim())}`, { roles: picked(form) }),
        t.save,
      ],
    };
    const [heading, body, send, button] = plans[kind];
    const save = async (event) => {
      event.preventDefault();
      if (kind === 'member' && !form.faults({ identityId: values.identityId ? '' : t.form.required, roles: picked(form).length ? '' : t.projects.oneRole }))
        return;
      const done = await form.submit(send);
      if (!done) return;
      this.asked = null;
      if (kind === 'delete') {
        go('projects');
        return;
      }
      say(t.saved);
      this.read();
    };
    return modal(
      heading,
      html`<form class="stack" novalidate @submit=${save}>${fault(form.problem)}${body()}
      <div class="actions"><button type="button" @click=${close}>${t.cancel}</button>${submitButton(form, button, t.saving, /delete|leave/.test(kind) ? 'danger primary' : 'primary')}</div></form>`,
      close,
    );
  }
}
customElements.define('rw-project', Project);
