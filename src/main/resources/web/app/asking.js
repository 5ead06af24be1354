// One thing at a time, asked for in a dialog and done: what the pages of identities, projects, keys and webhooks have in common.
import { Problem } from './api.js';
import { Form, changed, fault, html, modal, nothing, submitButton } from './ui.js';
import { t } from './texts.js';

/** What the form calls a field. */
function calledOf(path) {
  const [label] = document.querySelector(`[data-path="${CSS.escape(path)}"]`)?.labels ?? [];
  const text = label?.textContent.replace(/\s+/g, ' ').trim() ?? path; // in a part that is folded, too
  return text.endsWith(` ${t.form.optional}`) ? text.slice(0, -t.form.optional.length - 1) : text;
}

/**
 * A form over something that is there. Only what was changed here is sent, on what was seen here: nobody else's change is undone. Where
 * somebody else was quicker it shows what he has changed, and keeps what was typed.
 */
export class Edit {
  meanwhile = null;

  /**
   * @param found with the etag of what the form begins with
   * @param valuesOf(found) what the form shows of it
   * @param read () a promise of what it is now
   */
  constructor(part, found, valuesOf, read) {
    this.part = part;
    this.valuesOf = valuesOf;
    this.read = read;
    this.seen = found.etag;
    this.before = valuesOf(found);
    this.form = new Form(part, { ...this.before });
  }

  /** By path. */
  get changed() {
    return changed(this.form.values, this.before);
  }

  /** @param send(seen) a promise of the answer; null where there is nothing to send. @return the answer, true where nothing was sent, undefined if it failed */
  async save(send) {
    const done = await this.form.submit(async () => (await send(this.seen)) ?? true);
    if (!done && this.form.problem?.status === 412) await this.compare();
    return done;
  }

  async compare() {
    try {
      const now = await this.read();
      const values = this.valuesOf(now);
      const mine = this.changed;
      this.meanwhile = Object.keys(values)
        .filter((path) => values[path] !== this.before[path])
        .map((path) => [path, String(this.before[path]), String(values[path])]);
      this.form.values = { ...values, ...mine };
      this.before = values;
      this.seen = now.etag;
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      this.form.problem = problem;
    }
    this.part.requestUpdate();
  }

  fault() {
    return fault(
      this.form.problem,
      this.meanwhile
        ? html`<ul class="small">${this.meanwhile.map(([path, was, is]) => html`<li><strong>${calledOf(path)}</strong>: ${t.rotation.changed(was, is)}</li>`)}</ul><p class="small">${t.rotation.changedKept}</p>`
        : nothing,
    );
  }
}

/**
 * @param plan heading; body() what is drawn above the buttons; faults() by path, absent: none; send() a promise of the answer; button its text; danger;
 *   edit, where the form is one of an `Edit`: then send(seen) is given what was seen
 * @param close puts the dialog away
 * @param done is given the answer, when it is there
 */
export const asking = (form, { heading, body, faults, send, button, danger, edit }, close, done) =>
  modal(
    heading,
    html`<form class="stack" novalidate @submit=${async (event) => {
      event.preventDefault();
      if (faults && !form.faults(faults())) return;
      const answer = await (edit ? edit.save(send) : form.submit(send));
      if (answer) done(answer);
    }}>${edit ? edit.fault() : fault(form.problem)}${body?.() ?? nothing}
      <div class="actions"><button type="button" @click=${close}>${t.cancel}</button>${submitButton(form, button, t.saving, danger ? 'danger primary' : 'primary')}</div></form>`,
    close,
  );

/** For `faults`: what must not be empty. */
export const needed = (values, ...paths) => Object.fromEntries(paths.map((path) => [path, String(values[path] ?? '').trim() ? '' : t.form.required]));

export const linesOf = (text) =>
  text
    .split('\n')
    .map((each) => each.trim())
    .filter(Boolean);
