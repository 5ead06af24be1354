// Which keys seal the store and sign tokens, and the commands that change them. Shows no key.
import { get, post } from './api.js';
import { asking } from './asking.js';
import { Live } from './live.js';
import { Form, Part, badge, head, html, lasted, loading, note, nothing, plain, say, spinner, toggle, when } from './ui.js';
import { t } from './texts.js';

const KEYS = '/api/v1/keys';
const SIGNING = '/api/v1/auth/signing-keys';
/** So many of the latest are shown. */
const RUNS = 10;

const recordsOf = ({ records }) =>
  html`${Object.values(records).reduce((sum, count) => sum + count, 0)} <span class="muted">${Object.entries(records)
    .map(([kind, count]) => `${t.keys.kind(kind)} ${count}`)
    .join(', ')}</span>`;
const COMMANDS = ['new-data-key', 're-encrypt', 'rewrap', 'retire', 'seal-rows'];

class Keys extends Part {
  static properties = { asked: { state: true } };
  live = new Live(
    this,
    async (signal) => {
      const [{ keys }, { runs }, { signingKeys }] = await Promise.all([get(KEYS, {}, signal), get(`${KEYS}/runs`, {}, signal), get(SIGNING, {}, signal)]);
      return { keys, runs, signingKeys };
    },
    { changing: ({ runs }) => runs.some((each) => each.state === 'running') },
  );

  render() {
    const { live } = this;
    if (!live.data) return html`${head(t.keys.heading, t.keys.text)}${live.problem ? live.fault() : html`<div class="card">${loading()}</div>`}`;
    const { keys, runs, signingKeys } = live.data;
    const running = runs.find((each) => each.state === 'running');
    return html`
      ${head(t.keys.heading, t.keys.text, { beside: live.age() })}
      <div class="stack wide">
        ${
          running
            ? html`<section class="card pad stack" aria-live="polite"><div class="row">${spinner()}<h2>${t.keys.command[running.command]}</h2></div>
          <progress class="progress" max=${running.total || 1} .value=${running.done} aria-label=${t.keys.command[running.command]}></progress>
          <p class="small muted">${t.keys.progress(running.done, running.total)}</p></section>`
            : nothing
        }
        <section class="card" aria-labelledby="data"><div class="pad"><h2 id="data">${t.keys.data}</h2><p class="small muted">${t.keys.dataText(keys.rootKeySource, keys.processes)}</p></div>
          ${plain(
            t.keys.data,
            [
              [t.keys.number, (each) => html`<strong>${each.id}</strong>`],
              [t.keys.state, (each) => (each.active ? badge('good', t.keys.active) : badge('', t.keys.old))],
              [t.keys.wrappedBy, (each) => `${each.rootKeySource} ${each.rootKeyId}`, 'mono small break'],
              [t.keys.records, recordsOf, 'small'],
              [t.rotation.created, (each) => when(each.createdAt)],
            ],
            keys.dataKeys,
          )}</section>
        <section class="card pad stack" aria-labelledby="commands"><div><h2 id="commands">${t.keys.commands}</h2><p class="small muted">${t.keys.commandsText}</p></div>
          <dl class="facts commands">${COMMANDS.map((each) => html`<dt><button ?disabled=${Boolean(running)} @click=${() => this.ask(each)}>${t.keys.command[each]}</button></dt><dd class="small">${t.keys.commandText[each]}</dd>`)}</dl>
          ${
            runs.length
              ? html`${plain(
                  t.keys.runs,
                  [
                    [t.keys.run, (each) => t.keys.command[each.command] ?? each.command],
                    [
                      t.keys.state,
                      (each) =>
                        html`${badge({ done: 'good', failed: 'bad', running: 'info' }[each.state] ?? 'warn', t.keys.runState[each.state] ?? each.state)}${each.reason ? html`<div class="muted">${each.reason}</div>` : nothing}`,
                    ],
                    [
                      t.keys.done,
                      (each) => html`${t.keys.progress(each.done, each.total)} ${each.unreadable ? badge('bad', t.keys.unreadable(each.unreadable)) : nothing}`,
                    ],
                    [t.attempt.when, (each) => html`${when(each.startedAt)} <span class="muted">${lasted(each.startedAt, each.finishedAt)}</span>`],
                  ],
                  runs.slice(0, RUNS),
                  'small',
                )}${runs.length > RUNS ? html`<p class="small muted">${t.table.count(RUNS, runs.length)}</p>` : nothing}`
              : nothing
          }</section>
        <section class="card" aria-labelledby="signing"><div class="pad row apart"><div class="grow"><h2 id="signing">${t.keys.signing}</h2><p class="small muted">${t.keys.signingText}</p></div><button @click=${() => this.ask('signing')}>${t.keys.rotateSigning}</button></div>
          ${plain(
            t.keys.signing,
            [
              [t.keys.number, (each) => each.id, 'mono break'],
              [t.keys.state, (each) => (each.signs ? badge('good', t.keys.signs) : badge('', t.keys.verifies))],
              [t.keys.signsFrom, (each) => when(each.signsFrom)],
              [t.keys.verifiesUntil, (each) => when(each.verifiesUntil, t.keys.noEnd)],
            ],
            signingKeys,
            'small',
          )}</section>
      </div>
      ${this.asked ? this.dialog() : nothing}`;
  }

  ask(kind) {
    this.asked = { kind, form: new Form(this, { endTokens: false }) };
  }

  dialog() {
    const { kind, form } = this.asked;
    const signing = kind === 'signing';
    return asking(
      form,
      {
        heading: signing ? t.keys.rotateSigning : t.keys.command[kind],
        body: () => html`<p>${signing ? t.keys.signingHint : t.keys.commandText[kind]}</p>
          ${signing ? html`${toggle(form, 'endTokens', t.keys.endTokens, t.keys.endTokensHint)}${form.values.endTokens ? note('warn', '', t.keys.endTokensWarning) : nothing}` : nothing}`,
        send: () => (signing ? post(`${SIGNING}/rotate`, { endTokens: form.values.endTokens }) : post(`${KEYS}/runs`, { command: kind })),
        button: signing ? t.keys.rotateSigning : t.keys.command[kind],
        danger: form.values.endTokens,
      },
      () => (this.asked = null),
      () => {
        this.asked = null;
        say(signing ? t.keys.signingDone : t.keys.begun);
        this.live.refresh();
      },
    );
  }
}
customElements.define('rw-keys', Keys);
