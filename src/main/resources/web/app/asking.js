// One thing at a time, asked for in a dialog and done: what the pages of identities, projects, keys and webhooks have in common.
import { fault, html, modal, nothing, submitButton } from './ui.js';
import { t } from './texts.js';

/**
 * @param plan heading; body() what is drawn above the buttons; faults() by path, absent: none; send() a promise of the answer; button its text; danger
 * @param close puts the dialog away
 * @param done is given the answer, when it is there
 */
export const asking = (form, { heading, body, faults, send, button, danger }, close, done) =>
  modal(
    heading,
    html`<form class="stack" novalidate @submit=${async (event) => {
      event.preventDefault();
      if (faults && !form.faults(faults())) return;
      const answer = await form.submit(send);
      if (answer) done(answer);
    }}>${fault(form.problem)}${body?.() ?? nothing}
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
