// Machine identities: what they may do, and what they log in with.
import { OnceKey, get, patch, post, put, remove, session } from './api.js';
import { go, link } from './router.js';
import {
  Form,
  Part,
  badge,
  copy,
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
  nothing,
  say,
  submitButton,
  toggle,
  when,
} from './ui.js';
import { t } from './texts.js';
import './table.js';
import { listOf, whole } from './whole.js';

const IDENTITIES = '/api/v1/identities';
const ROLES = ['admin', 'operator', 'reader', 'consumer', 'scheduler'];
const DAY = 86_400;

export const roleBadges = (roles) =>
  roles.length
    ? html`<span class="row">${roles.map((each) => badge(each === 'admin' ? 'info' : '', t.role[each] ?? each, t.roleHint[each]))}</span>`
    : html`<span class="muted">–</span>`;

/** A box for each role. @param offered names */
export const rolePicker = (form, offered = ROLES) =>
  html`<fieldset class="stack tight"><legend>${t.identities.roles}</legend>${offered.map((each) => toggle(form, `role.${each}`, t.role[each], t.roleHint[each]))}${form.issues.roles ? html`<span class="fault" data-path="roles">${form.issues.roles}</span>` : nothing}</fieldset>`;
export const picked = (form) => ROLES.filter((each) => form.values[`role.${each}`]);
export const picking = (roles = []) => Object.fromEntries(roles.map((each) => [`role.${each}`, true]));

class Identities extends Part {
  static properties = { adding: { state: true } };

  constructor() {
    super();
    this.columns = [
      {
        key: 'name',
        label: t.identities.name,
        width: '28%',
        sort: (row) => row.name,
        cell: (row) => html`<div class="clip"><a class="cell-main" href=${link(`identities/${row.id}`)}>${row.name}</a></div>`,
      },
      { key: 'roles', label: t.identities.roles, width: '28%', sort: (row) => row.roles.join(), cell: (row) => roleBadges(row.roles) },
      {
        key: 'projects',
        label: t.identities.inProjects,
        width: '14%',
        sort: (row) => row.projects.length,
        cell: (row) => row.projects.length || html`<span class="muted">–</span>`,
      },
      {
        key: 'methods',
        label: t.identities.methods,
        width: '22%',
        cell: (row) => html`<span class="small">${row.authMethods.map((each) => t.method[each] ?? each).join(', ') || '–'}</span>`,
      },
      {
        key: 'actions',
        label: t.actions,
        width: '8%',
        cell: (row) => menu(t.connections.actionsOf(row.name), [{ text: t.identities.copyClientId, act: () => copy(row.clientId, t.signIn.clientId) }]),
      },
    ];
    this.source = whole(listOf(IDENTITIES, 'identities'), (row) => `${row.name} ${row.roles.join(' ')} ${row.id} ${row.clientId}`, this.columns);
  }

  render() {
    const add = html`<button class="primary" @click=${() => (this.adding = new Form(this, { name: '' }))}>${icon('add')}${t.identities.add}</button>`;
    return html`
      ${head(t.identities.heading, t.identities.text, { actions: add })}
      <rw-table .label=${t.identities.heading} .columns=${this.columns} .source=${this.source} .nothingYet=${empty('identities', t.identities.none, t.identities.text)}></rw-table>
      ${this.adding ? this.dialog() : nothing}`;
  }

  dialog() {
    const form = this.adding;
    const close = () => (this.adding = null);
    const save = async (event) => {
      event.preventDefault();
      if (!form.faults({ name: form.values.name.trim() ? '' : t.form.required })) return;
      const done = await form.submit(() => post(IDENTITIES, { name: form.values.name.trim(), roles: picked(form) }));
      if (done) go(`identities/${done.identity.id}`);
    };
    return modal(
      t.identities.add,
      html`<form class="stack" novalidate @submit=${save}>${fault(form.problem)}
      ${field(form, 'name', t.identities.name, { required: true, placeholder: 'terraform' })}${rolePicker(form)}<p class="small muted">${t.identities.rolesText}</p>
      <div class="actions"><button type="button" @click=${close}>${t.cancel}</button>${submitButton(form, t.identities.add, t.saving)}</div></form>`,
      close,
    );
  }
}
customElements.define('rw-identities', Identities);

class Identity extends Part {
  static properties = {
    which: {},
    row: { state: true },
    secrets: { state: true },
    tokens: { state: true },
    rules: { state: true },
    projects: { state: true },
    problem: { state: true },
    asked: { state: true },
    shown: { state: true },
  };
  once = new OnceKey();

  connectedCallback() {
    super.connectedCallback();
    this.read();
  }

  get paths() {
    const id = encodeURIComponent(this.which);
    return {
      self: `${IDENTITIES}/${id}`,
      secrets: `/api/v1/auth/universal-auth/identities/${id}/client-secrets`,
      tokens: `/api/v1/auth/token-auth/identities/${id}/tokens`,
      oidc: `/api/v1/auth/oidc-auth/identities/${id}`,
      kubernetes: `/api/v1/auth/kubernetes-auth/identities/${id}`,
    };
  }

  async read() {
    const { self, secrets, tokens } = this.paths;
    try {
      const [row, kept, given, found] = await Promise.all([get(self), get(secrets), get(tokens), get('/api/v1/projects')]);
      this.row = row.identity;
      this.secrets = kept.clientSecretData;
      this.tokens = given.tokens;
      this.projects = found.projects;
      this.rules = {
        oidc: this.row.authMethods.includes('oidc-auth') ? (await get(this.paths.oidc)).rule : null,
        kubernetes: this.row.authMethods.includes('kubernetes-auth') ? (await get(this.paths.kubernetes)).rule : null,
      };
    } catch (problem) {
      this.problem = problem;
    }
  }

  /** A dialog with one form. @param values to begin with */
  ask(kind, values = {}) {
    this.asked = { kind, form: new Form(this, values) };
  }

  render() {
    const crumbs = [[t.identities.heading, link('identities')]];
    if (this.problem) return html`${head(t.identities.one, '', { crumbs })}${fault(this.problem)}`;
    if (!this.row || !this.rules) return html`${head(t.identities.one, '', { crumbs })}<div class="card">${loading()}</div>`;
    const { row } = this;
    const own = row.id === session.caller.identityId;
    return html`
      ${head(row.name, '', {
        crumbs,
        beside: own ? badge('info', t.identities.you) : nothing,
        actions: html`
        <button @click=${() => this.ask('edit', { name: row.name, ...picking(row.roles) })}>${t.identities.edit}</button>
        <button class="danger" ?disabled=${own} @click=${() => this.ask('delete')}>${t.identities.delete}</button>`,
      })}
      <div class="stack wide">
        <div class="split">
          <section class="card pad stack" aria-labelledby="about"><h2 id="about">${t.connection.about}</h2><dl class="facts small">
            <dt>${t.signIn.clientId}</dt><dd class="row"><span class="mono break">${row.clientId}</span>${copyButton(row.clientId, t.signIn.clientId)}</dd>
            <dt>${t.identities.roles}</dt><dd>${roleBadges(row.roles)}</dd>
            <dt>${t.identities.inProjects}</dt><dd>${row.projects.length ? html`<ul class="stack tight">${row.projects.map((each) => html`<li class="row"><a href=${link(`projects/${each.projectId}`)}>${this.projects.find((p) => p.id === each.projectId)?.name ?? each.projectId}</a>${roleBadges(each.roles)}</li>`)}</ul>` : '–'}</dd>
            <dt>${t.rotation.created}</dt><dd>${when(row.createdAt)}</dd></dl></section>
          <section class="card pad stack" aria-labelledby="foreign"><div><h2 id="foreign">${t.identities.foreign}</h2><p class="small muted">${t.identities.foreignText}</p></div>
            ${this.rule('kubernetes')}${this.rule('oidc')}</section>
        </div>
        ${this.list(
          'secrets',
          t.identities.secrets,
          t.identities.secretsText,
          this.secrets,
          [
            [
              t.identities.description,
              (each) =>
                html`<strong>${each.description || '–'}</strong>${each.clientSecretPrefix ? html`<div class="small muted mono">${each.clientSecretPrefix}…</div>` : nothing}`,
            ],
            [
              t.identities.uses,
              (each) =>
                each.clientSecretNumUsesLimit ? t.identities.usesOf(each.clientSecretNumUses, each.clientSecretNumUsesLimit) : each.clientSecretNumUses,
            ],
            [
              t.identities.from,
              (each) => (each.trustedIps?.length ? html`<span class="mono small">${each.trustedIps.join(', ')}</span>` : t.identities.anywhere),
            ],
            [t.identities.lastUsed, (each) => when(each.lastUsedAt, t.identities.never)],
            [t.identities.ends, (each) => when(each.expiresAt, t.identities.never)],
          ],
          { description: '', days: '90', numUsesLimit: '0', trustedIps: '' },
        )}
        ${this.list(
          'tokens',
          t.identities.tokens,
          t.identities.tokensText,
          this.tokens,
          [
            [t.identities.name, (each) => html`<strong>${each.name}</strong>`],
            [t.identities.role, (each) => (each.role ? roleBadges([each.role]) : t.identities.allRoles)],
            [t.rotation.created, (each) => when(each.createdAt)],
            [t.identities.ends, (each) => when(each.expiresAt, t.identities.never)],
          ],
          { name: '', role: 'consumer', days: '30' },
        )}
      </div>
      ${this.asked ? this.dialog() : nothing}
      ${
        this.shown
          ? modal(
              t.identities.shown,
              html`<p>${t.identities.shownText}</p><div class="secret"><span>${this.shown}</span>${copyButton(this.shown, t.identities.secret)}</div>
        <div class="actions"><button class="primary" @click=${() => (this.shown = null)}>${t.close}</button></div>`,
            )
          : nothing
      }`;
  }

  rule(kind) {
    const rule = this.rules[kind];
    const many = (list) => (list ?? []).join('\n');
    const begin = () =>
      this.ask(
        kind,
        kind === 'oidc'
          ? {
              issuer: rule?.issuer ?? '',
              boundAudiences: many(rule?.boundAudiences),
              boundSubject: rule?.boundSubject ?? '',
              boundClaims: Object.entries(rule?.boundClaims ?? {})
                .map(([name, values]) => `${name}=${values.join(',')}`)
                .join('\n'),
            }
          : {
              issuer: rule?.issuer ?? '',
              allowedAudience: rule?.allowedAudience ?? '',
              allowedNamespaces: many(rule?.allowedNamespaces),
              allowedNames: many(rule?.allowedNames),
            },
      );
    return html`<div class="stack tight"><div class="row apart"><h3>${t.method[`${kind}-auth`]}</h3><span class="row">
        <button class="quiet" @click=${begin}>${rule ? t.identities.edit : t.identities.allow}</button>
        ${rule ? html`<button class="quiet" @click=${() => this.ask(`${kind}-end`)}>${t.identities.end}</button>` : nothing}</span></div>
      ${
        rule
          ? html`<dl class="facts small">${Object.entries(rule)
              .filter(([, value]) => value && (value.length ?? Object.keys(value).length))
              .map(
                ([name, value]) =>
                  html`<dt>${t.rule[name] ?? name}</dt><dd class="mono break">${
                    Array.isArray(value)
                      ? value.join(', ')
                      : typeof value === 'object'
                        ? Object.entries(value)
                            .map(([key, each]) => `${key} = ${each}`)
                            .join(', ')
                        : value
                  }</dd>`,
              )}</dl>`
          : html`<p class="small muted">${t.identities.notAllowed}</p>`
      }</div>`;
  }

  list(kind, heading, text, rows, columns, values) {
    return html`<section class="card" aria-labelledby=${kind}>
      <div class="pad row apart"><div class="grow"><h2 id=${kind}>${heading}</h2><p class="small muted">${text}</p></div><button @click=${() => this.ask(kind, values)}>${icon('add')}${t.identities.new[kind]}</button></div>
      ${
        rows.length
          ? html`<div class="scroll" tabindex="0" role="group" aria-label=${heading}><table><thead><tr>${columns.map(([name]) => html`<th scope="col">${name}</th>`)}<th scope="col"><span class="sr">${t.actions}</span></th></tr></thead>
        <tbody>${rows.map(
          (each) =>
            html`<tr>${columns.map(([, cell]) => html`<td>${cell(each)}</td>`)}<td class="actions"><button class="quiet" @click=${() => {
              this.ask(`${kind}-revoke`);
              this.asked.row = each;
            }}>${t.identities.revoke}</button></td></tr>`,
        )}</tbody></table></div>`
          : html`<p class="muted pad small">${t.identities.noneYet}</p>`
      }</section>`;
  }

  dialog() {
    const { kind, form, row: chosen } = this.asked;
    const { values } = form;
    const { self, secrets, tokens } = this.paths;
    const close = () => (this.asked = null);
    const lines = (name) =>
      values[name]
        .split('\n')
        .map((each) => each.trim())
        .filter(Boolean);
    const seconds = () => (Number(values.days) || 0) * DAY;
    const plans = {
      edit: [
        t.identities.edit,
        () => html`${field(form, 'name', t.identities.name, { required: true })}${rolePicker(form)}`,
        () => patch(self, { name: values.name.trim(), roles: picked(form) }),
        t.save,
      ],
      delete: [t.identities.delete, () => html`<p>${t.identities.deleteText(this.row.name)}</p>`, () => remove(self), t.identities.delete],
      secrets: [
        t.identities.new.secrets,
        () => html`${field(form, 'description', t.identities.description, { placeholder: t.identities.descriptionSample })}
        <div class="pair">${field(form, 'days', t.identities.days, { type: 'number', min: 0, required: true, hint: t.identities.daysHint })}${field(form, 'numUsesLimit', t.identities.usesLimit, { type: 'number', min: 0, required: true, hint: t.identities.usesHint })}</div>
        ${field(form, 'trustedIps', t.identities.networks, { rows: 2, hint: t.identities.networksHint, placeholder: '10.0.0.0/8' })}`,
        () =>
          post(secrets, {
            description: values.description.trim(),
            ttl: seconds(),
            numUsesLimit: Number(values.numUsesLimit) || 0,
            trustedIps: lines('trustedIps').length ? lines('trustedIps') : undefined,
          }),
        t.identities.new.secrets,
      ],
      tokens: [
        t.identities.new.tokens,
        () => html`${field(form, 'name', t.identities.name, { required: true, placeholder: 'external-secrets' })}
        <div class="pair">${field(form, 'role', t.identities.role, { options: ROLES.map((each) => [each, t.role[each]]) })}${field(form, 'days', t.identities.days, { type: 'number', min: 1, max: 365, required: true })}</div>`,
        () => post(tokens, { name: values.name.trim(), role: values.role, ttl: seconds() }),
        t.identities.new.tokens,
      ],
      'secrets-revoke': [
        t.identities.revokeSecret,
        () => html`<p>${t.identities.revokeText}</p>`,
        () => post(`${secrets}/${chosen.id}/revoke`),
        t.identities.revoke,
      ],
      'tokens-revoke': [
        t.identities.revokeToken,
        () => html`<p>${t.identities.revokeText}</p>`,
        () => post(`${tokens}/${chosen.id}/revoke`),
        t.identities.revoke,
      ],
      oidc: [
        t.method['oidc-auth'],
        () =>
          html`${field(form, 'issuer', t.rule.issuer, { required: true, placeholder: 'https://token.actions.githubusercontent.com' })}${field(form, 'boundAudiences', t.rule.boundAudiences, { rows: 2, required: true, hint: t.rule.perLine })}${field(form, 'boundSubject', t.rule.boundSubject)}${field(form, 'boundClaims', t.rule.boundClaims, { rows: 2, hint: t.rule.claimsHint })}`,
        () =>
          put(this.paths.oidc, {
            issuer: values.issuer.trim(),
            boundAudiences: lines('boundAudiences'),
            boundSubject: values.boundSubject.trim() || undefined,
            boundClaims: Object.fromEntries(
              lines('boundClaims').map((each) => [
                each.split('=')[0].trim(),
                each
                  .split('=')
                  .slice(1)
                  .join('=')
                  .split(',')
                  .map((value) => value.trim()),
              ]),
            ),
          }),
        t.save,
      ],
      kubernetes: [
        t.method['kubernetes-auth'],
        () =>
          html`${field(form, 'issuer', t.rule.issuer, { required: true, placeholder: 'https://kubernetes.default.svc.cluster.local' })}${field(form, 'allowedAudience', t.rule.allowedAudience, { required: true })}${field(form, 'allowedNamespaces', t.rule.allowedNamespaces, { rows: 2, hint: t.rule.perLine, required: true })}${field(form, 'allowedNames', t.rule.allowedNames, { rows: 2, hint: t.rule.perLine, required: true })}`,
        () =>
          put(this.paths.kubernetes, {
            issuer: values.issuer.trim(),
            allowedAudience: values.allowedAudience.trim(),
            allowedNamespaces: lines('allowedNamespaces'),
            allowedNames: lines('allowedNames'),
          }),
        t.save,
      ],
      'oidc-end': [t.identities.end, () => html`<p>${t.identities.endText}</p>`, () => remove(this.paths.oidc), t.identities.end],
      'kubernetes-end': [t.identities.end, () => html`<p>${t.identities.endText}</p>`, () => remove(this.paths.kubernetes), t.identities.end],
    };
    const [heading, body, send, button] = plans[kind];
    const save = async (event) => {
      event.preventDefault();
      const done = await form.submit(send);
      if (!done) return;
      this.asked = null;
      if (kind === 'delete') {
        go('identities');
        return;
      }
      this.shown = done.clientSecret ?? done.accessToken ?? null;
      if (!this.shown) say(t.saved);
      this.read();
    };
    return modal(
      heading,
      html`<form class="stack" novalidate @submit=${save}>${fault(form.problem)}${body()}
      <div class="actions"><button type="button" @click=${close}>${t.cancel}</button>${submitButton(form, button, t.saving, /revoke|delete|end/.test(kind) ? 'danger primary' : 'primary')}</div></form>`,
      close,
    );
  }
}
customElements.define('rw-identity', Identity);
