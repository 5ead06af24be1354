// Machine identities: what they may do, and what they log in with.
import { Problem, get, patch, post, projects, put, remove, session } from './api.js';
import { Edit, asking, linesOf, needed } from './asking.js';
import { Live } from './live.js';
import { go, link, title } from './router.js';
import { Form, Part, badge, copy, copyButton, empty, field, head, html, icon, loading, menu, modal, nothing, plain, say, toggle, when } from './ui.js';
import { t } from './texts.js';
import './table.js';
import { listed } from './listed.js';

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
export const protection = (form) => toggle(form, 'hasDeleteProtection', t.identities.protection, t.identities.protectionHint);
export const picked = (form) => ROLES.filter((each) => form.values[`role.${each}`]);

class Identities extends Part {
  static properties = { adding: { state: true } };

  constructor() {
    super();
    this.columns = [
      {
        key: 'name',
        label: t.identities.name,
        width: '28%',
        sort: true,
        cell: (row) => html`<div class="clip"><a class="cell-main" href=${link(`identities/${row.id}`)}>${row.name}</a></div>`,
      },
      { key: 'roles', label: t.identities.roles, width: '28%', sort: true, cell: (row) => roleBadges(row.roles) },
      {
        key: 'projects',
        label: t.identities.inProjects,
        width: '14%',
        sort: true,
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
    this.source = listed(IDENTITIES, 'identities');
  }

  render() {
    const add = session.may('create:identities')
      ? html`<button class="primary" @click=${() => (this.adding = new Form(this, { name: '' }))}>${icon('add')}${t.identities.add}</button>`
      : nothing;
    return html`
      ${head(t.identities.heading, t.identities.text, { actions: add })}
      <rw-table .label=${t.identities.heading} .columns=${this.columns} .source=${this.source} .nothingYet=${empty('identities', t.identities.none, t.identities.text)}></rw-table>
      ${this.adding ? this.dialog() : nothing}`;
  }

  dialog() {
    const form = this.adding;
    const { values } = form;
    return asking(
      form,
      {
        heading: t.identities.add,
        body: () =>
          html`${field(form, 'name', t.identities.name, { required: true, placeholder: 'terraform' })}${rolePicker(form)}<p class="small muted">${t.identities.rolesText}</p>`,
        faults: () => needed(values, 'name'),
        send: () => post(IDENTITIES, { name: values.name.trim(), roles: picked(form) }),
        button: t.identities.add,
      },
      () => (this.adding = null),
      (done) => go(`identities/${done.identity.id}`),
    );
  }
}
customElements.define('rw-identities', Identities);

/** Only what was changed here. */
function bodyOf({ form, changed }) {
  const { values } = form;
  const is = (test) => Object.keys(changed).some(test);
  return {
    ...(is((each) => each === 'name') ? { name: values.name.trim() } : {}),
    ...(is((each) => each.startsWith('role.')) ? { roles: picked(form) } : {}),
    ...(is((each) => each === 'hasDeleteProtection') ? { hasDeleteProtection: values.hasDeleteProtection } : {}),
    ...(is((each) => each === 'metadata') ? { metadata: pairsOf(values.metadata).map(([key, value]) => ({ key, value })) } : {}),
  };
}

/** Lines of name=value. */
const pairsOf = (text) =>
  linesOf(text).map((line) => {
    const [name, ...rest] = line.split('=');
    return [name.trim(), rest.join('=').trim()];
  });

// ---- How long its sessions last, and where they count ----------------------------------------------------------------------

const EVERYWHERE = ['0.0.0.0/0', '::/0'];
const LISTS = ['accessTokenTrustedIps', 'clientSecretTrustedIps'];

const networksOf = (list) => {
  const all = (list ?? []).map(({ ipAddress, prefix }) => (prefix === undefined ? ipAddress : `${ipAddress}/${prefix}`));
  return all.length === EVERYWHERE.length && EVERYWHERE.every((each) => all.includes(each)) ? [] : all;
};

/** What of an answer is about sessions: the one object in it that says how long they last. */
const settingOf = (found) => Object.values(found).find((each) => each?.accessTokenTTL !== undefined);

export const lastingOf = (found) => {
  const setting = settingOf(found);
  return {
    accessTokenTTL: String(setting.accessTokenTTL),
    accessTokenMaxTTL: String(setting.accessTokenMaxTTL),
    ...Object.fromEntries(LISTS.filter((name) => setting[name]).map((name) => [name, networksOf(setting[name]).join('\n')])),
  };
};

/** Only what was changed here. */
export const lastingBody = (changed) =>
  Object.fromEntries(
    Object.entries(changed).map(([name, value]) => [
      name,
      LISTS.includes(name) ? (linesOf(value).length ? linesOf(value) : EVERYWHERE).map((ipAddress) => ({ ipAddress })) : Number(value),
    ]),
  );

const SPANS = [
  [DAY, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
];

/** In the largest unit that says it exactly. */
export function span(seconds) {
  const [size, unit] = SPANS.find(([each]) => seconds % each === 0);
  const count = seconds / size;
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

class Identity extends Part {
  static properties = { which: {}, asked: { state: true }, shown: { state: true } };
  /** What the form begins with. */
  static valuesOf = ({ identity: row }) => ({
    name: row.name,
    ...Object.fromEntries(ROLES.map((each) => [`role.${each}`, row.roles.includes(each)])),
    hasDeleteProtection: row.hasDeleteProtection,
    metadata: row.metadata.map(({ key, value }) => `${key}=${value}`).join('\n'),
  });
  live = new Live(this, (signal) => this.read(signal));

  get paths() {
    const id = encodeURIComponent(this.which);
    return {
      self: `${IDENTITIES}/${id}`,
      universal: `/api/v1/auth/universal-auth/identities/${id}`,
      token: `/api/v1/auth/token-auth/identities/${id}`,
      secrets: `/api/v1/auth/universal-auth/identities/${id}/client-secrets`,
      tokens: `/api/v1/auth/token-auth/identities/${id}/tokens`,
      oidc: `/api/v1/auth/oidc-auth/identities/${id}`,
      kubernetes: `/api/v1/auth/kubernetes-auth/identities/${id}`,
    };
  }

  async read(signal) {
    const { self, secrets, tokens } = this.paths;
    const [one, { clientSecretData }, given, found] = await Promise.all([get(self, {}, signal), get(secrets, {}, signal), get(tokens, {}, signal), projects()]);
    const row = one.identity;
    // What it logs in with, each as it is set, by the first word of its name.
    const kinds = row.authMethods.map((each) => each.replace(/-auth$/, '')).filter((each) => this.paths[each]);
    const set = Object.fromEntries(await Promise.all(kinds.map(async (each) => [each, await get(this.paths[each], {}, signal)])));
    return { one, row, secrets: clientSecretData, tokens: given.tokens, projects: found, set };
  }

  /** A dialog with one form. @param values to begin with @param chosen the row that it is about */
  ask(kind, values = {}, chosen = null) {
    this.asked = { kind, form: new Form(this, values), chosen };
  }

  /** The same for what is there. @param found the answer that it was read by */
  edit(kind, found, valuesOf, path) {
    const edit = new Edit(this, found, valuesOf, () => get(path));
    this.asked = { kind, edit, form: edit.form };
  }

  /** Reads it first: a list has nothing that says what was seen of one. */
  async rename({ id }) {
    const path = `/api/v1/auth/token-auth/tokens/${id}`;
    try {
      this.edit('rename', await get(path), ({ token }) => ({ name: token.name }), path);
      this.asked.path = path;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.live.refresh(); // it is gone: so will be its row
    }
  }

  render() {
    const crumbs = [[t.identities.heading, link('identities')]];
    const { live } = this;
    if (!live.data) return html`${head(t.identities.one, '', { crumbs })}${live.problem ? live.fault() : html`<div class="card">${loading()}</div>`}`;
    const { row } = live.data;
    title(row.name);
    const own = row.id === session.caller.identityId;
    return html`
      ${head(row.name, '', {
        crumbs,
        beside: own ? badge('info', t.identities.you) : nothing,
        actions: html`
        <button @click=${() => this.edit('edit', live.data.one, Identity.valuesOf, this.paths.self)}>${t.identities.edit}</button>
        <button class="danger" ?disabled=${own} @click=${() => this.ask('delete')}>${t.identities.delete}</button>`,
      })}
      <div class="stack wide">
        <div class="strip">${live.age()}</div>
        <div class="split">
          <section class="card pad stack" aria-labelledby="about"><h2 id="about">${t.connection.about}</h2><dl class="facts small">
            <dt>${t.signIn.clientId}</dt><dd class="row"><span class="mono break">${row.clientId}</span>${copyButton(row.clientId, t.signIn.clientId)}</dd>
            <dt>${t.identities.roles}</dt><dd>${roleBadges(row.roles)}</dd>
            <dt>${t.identities.inProjects}</dt><dd>${row.projects.length ? html`<ul class="stack tight">${row.projects.map((each) => html`<li class="row"><a href=${link(`projects/${each.projectId}`)}>${live.data.projects.find((p) => p.id === each.projectId)?.name ?? each.projectId}</a>${roleBadges(each.roles)}</li>`)}</ul>` : '–'}</dd>
            <dt>${t.rotation.created}</dt><dd>${when(row.createdAt)}</dd></dl></section>
          <section class="card pad stack" aria-labelledby="foreign"><div><h2 id="foreign">${t.identities.foreign}</h2><p class="small muted">${t.identities.foreignText}</p></div>
            ${this.rule('kubernetes')}${this.rule('oidc')}</section>
        </div>
        ${this.sessions()}
        ${this.list(
          'secrets',
          t.identities.secrets,
          t.identities.secretsText,
          live.data.secrets,
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
          live.data.tokens,
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

  sessions() {
    const set = Object.entries(this.live.data.set);
    const networks = (list) => networksOf(list).join(', ') || t.identities.anywhere;
    return html`<section class="card" aria-labelledby="sessions"><div class="pad"><h2 id="sessions">${t.identities.sessions}</h2><p class="small muted">${t.identities.sessionsText}</p></div>
      ${
        set.length
          ? plain(
              t.identities.sessions,
              [
                [t.identities.methods, ([kind]) => html`<strong>${t.method[`${kind}-auth`]}</strong>`],
                [t.identities.lasts, ([, found]) => span(settingOf(found).accessTokenTTL)],
                [t.identities.renewable, ([, found]) => span(settingOf(found).accessTokenMaxTTL)],
                [t.identities.from, ([, found]) => html`<span class="small">${networks(settingOf(found).accessTokenTrustedIps)}</span>`],
                [
                  '',
                  ([kind, found]) =>
                    html`<button class="quiet" aria-label="${t.identities.edit}: ${t.identities.sessionsOf(t.method[`${kind}-auth`])}" @click=${() => this.edit(`${kind}-sessions`, found, lastingOf, this.paths[kind])}>${t.identities.edit}</button>`,
                  'actions',
                ],
              ],
              set,
            )
          : html`<p class="muted pad small">${t.identities.noSessions}</p>`
      }</section>`;
  }

  rule(kind) {
    const found = this.live.data.set[kind];
    const rule = found?.rule;
    const many = (list) => (list ?? []).join('\n');
    const valuesOf = ({ rule }) =>
      kind === 'oidc'
        ? {
            issuer: rule?.issuer ?? '',
            caCert: rule?.caCert ?? '',
            boundAudiences: many(rule?.boundAudiences),
            boundSubject: rule?.boundSubject ?? '',
            boundClaims: Object.entries(rule?.boundClaims ?? {})
              .map(([name, values]) => `${name}=${values.join(',')}`)
              .join('\n'),
          }
        : {
            issuer: rule?.issuer ?? '',
            caCert: rule?.caCert ?? '',
            allowedAudience: rule?.allowedAudience ?? '',
            allowedNamespaces: many(rule?.allowedNamespaces),
            allowedNames: many(rule?.allowedNames),
          };
    const begin = () => this.edit(kind, found ?? {}, valuesOf, this.paths[kind]);
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

  lasting(kind) {
    const { form, edit } = this.asked;
    const seconds = (name, label, hint) => field(form, name, label, { type: 'number', min: 30, required: true, hint });
    const networks = (name, label) => field(form, name, label, { rows: 2, hint: t.identities.networksHint, placeholder: '10.0.0.0/8' });
    return {
      heading: t.identities.sessionsOf(t.method[`${kind}-auth`]),
      body: () => html`<p class="small muted">${kind === 'token' ? t.identities.tokensCount : t.identities.sessionsCount}</p>
        <div class="pair">${seconds('accessTokenTTL', t.identities.lastsSeconds)}${seconds('accessTokenMaxTTL', t.identities.renewableSeconds)}</div>
        ${networks('accessTokenTrustedIps', t.identities.tokenNetworks)}
        ${kind === 'universal' ? networks('clientSecretTrustedIps', t.identities.secretNetworks) : nothing}`,
      faults: () => needed(form.values, 'accessTokenTTL', 'accessTokenMaxTTL'),
      edit,
      send: (seen) => (Object.keys(edit.changed).length ? patch(this.paths[kind], lastingBody(edit.changed), seen) : null),
      button: t.save,
    };
  }

  list(kind, heading, text, rows, columns, values) {
    return html`<section class="card" aria-labelledby=${kind}>
      <div class="pad row apart"><div class="grow"><h2 id=${kind}>${heading}</h2><p class="small muted">${text}</p></div><button @click=${() => this.ask(kind, values)}>${icon('add')}${t.identities.new[kind]}</button></div>
      ${
        rows.length
          ? plain(
              heading,
              [
                ...columns,
                [
                  '',
                  (each) =>
                    html`${kind === 'tokens' ? html`<button class="quiet" aria-label="${t.identities.rename}: ${each.name}" @click=${() => this.rename(each)}>${t.identities.rename}</button>` : nothing}<button class="quiet" @click=${() => this.ask(`${kind}-revoke`, {}, each)}>${t.identities.revoke}</button>`,
                  'actions',
                ],
              ],
              rows,
            )
          : html`<p class="muted pad small">${t.identities.noneYet}</p>`
      }</section>`;
  }

  dialog() {
    const { kind, form, edit, chosen } = this.asked;
    const { values } = form;
    const { self, secrets, tokens, oidc, kubernetes } = this.paths;
    const lines = (name) => linesOf(values[name]);
    const seconds = () => (Number(values.days) || 0) * DAY;
    const end = (path) => ({
      heading: t.identities.end,
      body: () => html`<p>${t.identities.endText}</p>`,
      send: () => remove(path),
      button: t.identities.end,
      danger: true,
    });
    const revoke = (heading, path) => ({
      heading,
      body: () => html`<p>${t.identities.revokeText}</p>`,
      send: () => post(`${path}/${chosen.id}/revoke`),
      button: t.identities.revoke,
      danger: true,
    });
    const several = (name, label, hint = t.rule.perLine, required = true) => field(form, name, label, { rows: 2, hint, required });
    const ca = () => field(form, 'caCert', t.tls.ca, { rows: 2, hint: t.tls.caHint });
    const plans = {
      edit: {
        heading: t.identities.edit,
        body: () => html`${field(form, 'name', t.identities.name, { required: true })}${rolePicker(form)}
          ${several('metadata', t.identities.metadata, t.identities.metadataHint, false)}${protection(form)}`,
        faults: () => needed(values, 'name'),
        edit,
        send: (seen) => (Object.keys(edit.changed).length ? patch(self, bodyOf(edit), seen) : null),
        button: t.save,
      },
      rename: {
        heading: t.identities.rename,
        body: () => field(form, 'name', t.identities.name, { required: true }),
        faults: () => needed(values, 'name'),
        edit,
        send: (seen) => (Object.keys(edit.changed).length ? patch(this.asked.path, { name: values.name.trim() }, seen) : null),
        button: t.save,
      },
      delete: {
        heading: t.identities.delete,
        body: () => html`<p>${t.identities.deleteText(this.live.data.row.name)}</p>`,
        send: () => remove(self),
        button: t.identities.delete,
        danger: true,
      },
      secrets: {
        heading: t.identities.new.secrets,
        body: () => html`${field(form, 'description', t.identities.description, { placeholder: t.identities.descriptionSample })}
        <div class="pair">${field(form, 'days', t.identities.days, { type: 'number', min: 0, required: true, hint: t.identities.daysHint })}${field(form, 'numUsesLimit', t.identities.usesLimit, { type: 'number', min: 0, required: true, hint: t.identities.usesHint })}</div>
        ${field(form, 'trustedIps', t.identities.networks, { rows: 2, hint: t.identities.networksHint, placeholder: '10.0.0.0/8' })}`,
        send: () =>
          post(secrets, {
            description: values.description.trim(),
            ttl: seconds(),
            numUsesLimit: Number(values.numUsesLimit) || 0,
            trustedIps: lines('trustedIps').length ? lines('trustedIps') : undefined,
          }),
        button: t.identities.new.secrets,
      },
      tokens: {
        heading: t.identities.new.tokens,
        body: () => html`${field(form, 'name', t.identities.name, { required: true, placeholder: 'external-secrets' })}
        <div class="pair">${field(form, 'role', t.identities.role, { options: ROLES.map((each) => [each, t.role[each]]) })}${field(form, 'days', t.identities.days, { type: 'number', min: 1, max: 365, required: true })}</div>`,
        faults: () => needed(values, 'name'),
        send: () => post(tokens, { name: values.name.trim(), role: values.role, ttl: seconds() }),
        button: t.identities.new.tokens,
      },
      'secrets-revoke': revoke(t.identities.revokeSecret, secrets),
      'tokens-revoke': revoke(t.identities.revokeToken, tokens),
      oidc: {
        heading: t.method['oidc-auth'],
        body: () =>
          html`${field(form, 'issuer', t.rule.issuer, { required: true, placeholder: 'https://token.actions.githubusercontent.com' })}${several('boundAudiences', t.rule.boundAudiences)}${field(form, 'boundSubject', t.rule.boundSubject)}${several('boundClaims', t.rule.boundClaims, t.rule.claimsHint, false)}${ca()}`,
        faults: () => needed(values, 'issuer', 'boundAudiences'),
        edit,
        send: (seen) =>
          put(
            oidc,
            {
              issuer: values.issuer.trim(),
              caCert: values.caCert.trim() || undefined,
              boundAudiences: lines('boundAudiences'),
              boundSubject: values.boundSubject.trim() || undefined,
              boundClaims: Object.fromEntries(pairsOf(values.boundClaims).map(([name, text]) => [name, text.split(',').map((each) => each.trim())])),
            },
            seen,
          ),
        button: t.save,
      },
      kubernetes: {
        heading: t.method['kubernetes-auth'],
        body: () =>
          html`${field(form, 'issuer', t.rule.issuer, { required: true, placeholder: 'https://kubernetes.default.svc.cluster.local' })}${field(form, 'allowedAudience', t.rule.allowedAudience, { required: true })}${several('allowedNamespaces', t.rule.allowedNamespaces)}${several('allowedNames', t.rule.allowedNames)}${ca()}`,
        faults: () => needed(values, 'issuer', 'allowedAudience', 'allowedNamespaces', 'allowedNames'),
        edit,
        send: (seen) =>
          put(
            kubernetes,
            {
              issuer: values.issuer.trim(),
              caCert: values.caCert.trim() || undefined,
              allowedAudience: values.allowedAudience.trim(),
              allowedNamespaces: lines('allowedNamespaces'),
              allowedNames: lines('allowedNames'),
            },
            seen,
          ),
        button: t.save,
      },
      'oidc-end': end(oidc),
      'kubernetes-end': end(kubernetes),
    };
    const lasting = kind.endsWith('-sessions') ? this.lasting(kind.replace('-sessions', '')) : null;
    return asking(
      form,
      lasting ?? plans[kind],
      () => (this.asked = null),
      (done) => {
        this.asked = null;
        if (kind === 'delete') {
          go('identities');
          return;
        }
        this.shown = done.clientSecret ?? done.accessToken ?? null;
        if (!this.shown) say(t.saved);
        this.live.refresh();
      },
    );
  }
}
customElements.define('rw-identity', Identity);
