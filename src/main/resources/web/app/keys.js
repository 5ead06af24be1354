// Which keys seal the store and sign tokens, and the commands that change them. Shows no key.
import { get, post } from './api.js';
import { Form, Part, badge, fault, head, html, lasted, loading, modal, note, nothing, say, spinner, submitButton, toggle, when } from './ui.js';
import { t } from './texts.js';

const KEYS = '/api/v1/keys';
const SIGNING = '/api/v1/auth/signing-keys';
const COMMANDS = ['new-data-key', 're-encrypt', 'rewrap', 'retire', 'seal-rows'];

class Keys extends Part {
  static properties = { status: { state: true }, runs: { state: true }, signing: { state: true }, problem: { state: true }, asked: { state: true } };

  connectedCallback() {
    super.connectedCallback();
    this.here = true;
    this.read();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.here = false;
    clearTimeout(this.later);
  }

  async read() {
    try {
      const [keys, { runs }, { signingKeys }] = await Promise.all([get(KEYS), get(`${KEYS}/runs`), get(SIGNING)]);
      this.status = keys.keys;
      this.runs = runs;
      this.signing = signingKeys;
      clearTimeout(this.later);
      if (this.here && runs.some((each) => each.state === 'running')) this.later = setTimeout(() => this.read(), 1500);
    } catch (problem) {
      this.problem = problem;
    }
  }

  render() {
    if (this.problem) return html`${head(t.keys.heading, t.keys.text)}${fault(this.problem)}`;
    if (!this.status) return html`${head(t.keys.heading, t.keys.text)}<div class="card">${loading()}</div>`;
    const running = this.runs.find((each) => each.state === 'running');
    return html`
      ${head(t.keys.heading, t.keys.text)}
      <div class="stack wide">
        ${
          running
            ? html`<section class="card pad stack" aria-live="polite"><div class="row">${spinner()}<h2>${t.keys.command[running.command]}</h2></div>
          <progress class="progress" max=${running.total || 1} .value=${running.done} aria-label=${t.keys.command[running.command]}></progress>
          <p class="small muted">${t.keys.progress(running.done, running.total)}</p></section>`
            : nothing
        }
        <section class="card" aria-labelledby="data"><div class="pad"><h2 id="data">${t.keys.data}</h2><p class="small muted">${t.keys.dataText(this.status.rootKeySource, this.status.processes)}</p></div>
          <div class="scroll" tabindex="0" role="group" aria-labelledby="data"><table><thead><tr>${[t.keys.number, t.keys.state, t.keys.wrappedBy, t.keys.records, t.rotation.created].map((each) => html`<th scope="col">${each}</th>`)}</tr></thead>
          <tbody>${this.status.dataKeys.map(
            (
              each,
            ) => html`<tr><td><strong>${each.id}</strong></td><td>${each.active ? badge('good', t.keys.active) : badge('', t.keys.old)}</td><td class="mono small">${each.rootKeySource} ${each.rootKeyId}</td>
            <td class="small">${Object.values(each.records).reduce((sum, count) => sum + count, 0)} <span class="muted">${Object.entries(each.records)
              .map(([kind, count]) => `${t.keys.kind(kind)} ${count}`)
              .join(', ')}</span></td><td>${when(each.createdAt)}</td></tr>`,
          )}</tbody></table></div></section>
        <section class="card pad stack" aria-labelledby="commands"><div><h2 id="commands">${t.keys.commands}</h2><p class="small muted">${t.keys.commandsText}</p></div>
          <dl class="facts commands">${COMMANDS.map((each) => html`<dt><button ?disabled=${Boolean(running)} @click=${() => this.ask(each)}>${t.keys.command[each]}</button></dt><dd class="small">${t.keys.commandText[each]}</dd>`)}</dl>
          ${
            this.runs.length
              ? html`<div class="scroll" tabindex="0" role="group" aria-label=${t.keys.runs}><table class="small"><thead><tr>${[t.keys.run, t.keys.state, t.keys.done, t.attempt.when].map((each) => html`<th scope="col">${each}</th>`)}</tr></thead>
            <tbody>${this.runs.slice(0, 10).map(
              (
                each,
              ) => html`<tr><td>${t.keys.command[each.command] ?? each.command}</td><td>${badge({ done: 'good', failed: 'bad', running: 'info' }[each.state] ?? 'warn', t.keys.runState[each.state] ?? each.state)}${each.reason ? html`<div class="muted">${each.reason}</div>` : nothing}</td>
              <td>${t.keys.progress(each.done, each.total)}${each.unreadable ? badge('bad', t.keys.unreadable(each.unreadable)) : nothing}</td><td>${when(each.startedAt)} <span class="muted">${lasted(each.startedAt, each.finishedAt)}</span></td></tr>`,
            )}</tbody></table></div>`
              : nothing
          }</section>
        <section class="card" aria-labelledby="signing"><div class="pad row apart"><div class="grow"><h2 id="signing">${t.keys.signing}</h2><p class="small muted">${t.keys.signingText}</p></div><button @click=${() => this.ask('signing')}>${t.keys.rotateSigning}</button></div>
          <div class="scroll" tabindex="0" role="group" aria-labelledby="signing"><table class="small"><thead><tr>${[t.keys.number, t.keys.state, t.keys.signsFrom, t.keys.verifiesUntil].map((each) => html`<th scope="col">${each}</th>`)}</tr></thead>
          <tbody>${this.signing.map((each) => html`<tr><td class="mono">${each.id}</td><td>${each.signs ? badge('good', t.keys.signs) : badge('', t.keys.verifies)}</td><td>${when(each.signsFrom)}</td><td>${when(each.verifiesUntil, t.keys.noEnd)}</td></tr>`)}</tbody></table></div></section>
      </div>
      ${this.asked ? this.dialog() : nothing}`;
  }

  ask(kind) {
    this.asked = { kind, form: new Form(this, { endTokens: false }) };
  }

  dialog() {
    const { kind, form } = this.asked;
    const close = () => (this.asked = null);
    const signing = kind === 'signing';
    const send = async (event) => {
      event.preventDefault();
      const done = await form.submit(() =>
        signing ? post(`${SIGNING}/rotate`, { endTokens: form.values.endTokens }) : post(`${KEYS}/runs`, { command: kind }),
      );
      if (!done) return;
      this.asked = null;
      say(signing ? t.keys.signingDone : t.keys.begun);
      this.read();
    };
    return modal(
      signing ? t.keys.rotateSigning : t.keys.command[kind],
      html`<form class="stack" @submit=${send}>${fault(form.problem)}
      <p>${signing ? t.keys.signingHint : t.keys.commandText[kind]}</p>
      ${signing ? html`${toggle(form, 'endTokens', t.keys.endTokens, t.keys.endTokensHint)}${form.values.endTokens ? note('warn', '', t.keys.endTokensWarning) : nothing}` : nothing}
      <div class="actions"><button type="button" @click=${close}>${t.cancel}</button>${submitButton(form, signing ? t.keys.rotateSigning : t.keys.command[kind], t.saving)}</div></form>`,
      close,
    );
  }
}
customElements.define('rw-keys', Keys);
