// Every state, strategy and code as the console draws it: what is said, and what is offered to do about it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { text, words } from './browser.js';

const { CODES, adviceOn } = await import('../app/codes.js');
const { Problem } = await import('../app/api.js');
const { fault } = await import('../app/ui.js');
const { proof, stepsOf, troubleNote, troubleTable } = await import('../app/trouble.js');
const { t } = await import('../app/texts.js');

const errors = readFileSync(new URL('../errors.md', import.meta.url), 'utf8');
const documented = [...errors.matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map(([, code, status]) => [code, Number(status)]);
const TROUBLES = readFileSync(new URL('../TroubleCause.java', import.meta.url), 'utf8');
const own = [...TROUBLES.matchAll(/^ {4}([A-Z_]+)\(/gm)].map(([, name]) => name.toLowerCase());

/** What the pages never ask for. */
const NOT_MET = new Set(
  (
    'ca_cert_not_set environment_exists environment_not_found folder_exists folder_not_found format_cannot_express gateway_not_supported' +
    ' discarded_password_not_found initial_password_not_proven initial_password_refused' +
    ' login_method_not_offered method_not_allowed not_acceptable not_offered place_in_use rotation_statement_not_supported secret_not_found' +
    ' secrets_read_only token_not_renewable too_many_secrets too_many_waiters unsupported_media_type'
  ).split(' '),
);
const met = documented.filter(([code]) => !NOT_MET.has(code));

const STATES = ['in_doubt', 'parked', 'failed', 'overdue', 'revoking', 'stale', 'no_session', 'vault_behind', 'valid_until'];
const STRATEGIES = ['dual', 'single', 'self'];
const SEVERITIES = ['critical', 'error', 'warning'];
const act = () => {};
const ROTATION = { rotate: act, preflight: act, grant: act, verify: act, putBack: act, abandon: act, connection: '/console/connections/1' };
const CONNECTION = { test: act, rotate: act, verify: act, release: act };

/** What a person cannot type into a page, and what nobody has verified. */
const SPEECH = /\b(POST|PATCH|GET) |details\.|[a-z]=(true|false)|allowPrivileged|takeover|driftPolicy|Retry-After|ROLEWRIGHT_|reqId|undefined|\[object/;
const PROMISE = /stays? valid|still (works|valid)|nobody is locked out|keeps? working/i;

test('the list of codes is whole, and holds no other', () => {
  assert.ok(documented.length > 100 && own.length > 8);
  assert.deepEqual(
    [...met.map(([code]) => code), ...own].filter((code) => !CODES[code]),
    [],
    'codes without a heading',
  );
  const known = new Set([...met.map(([code]) => code), ...own, 'unreachable', 'not_understood']);
  assert.deepEqual(
    Object.keys(CODES).filter((code) => !known.has(code)),
    [],
    'headings without a code',
  );
});

test('each code has one heading, one sentence or two, and steps that there are', () => {
  for (const [code, [heading, remedy, ...steps]] of Object.entries(CODES)) {
    assert.match(heading, /^[A-Zp].{3,60}[^.]$/, code);
    assert.match(remedy, /^[A-Z].{5,140}\.$/, code);
    assert.doesNotMatch(`${heading} ${remedy}`, SPEECH, code);
    assert.doesNotMatch(`${heading} ${remedy}`, PROMISE, code);
    for (const step of steps) assert.ok(t.trouble.step[step], `${code}: ${step}`);
  }
});

test('every state × strategy × code of a trouble', () => {
  let drawn = 0;
  for (const status of STATES)
    for (const strategy of STRATEGIES)
      for (const code of [...met.map(([each]) => each), ...own])
        for (const severity of SEVERITIES) {
          const self = strategy === 'self';
          const trouble = {
            severity,
            kind: self ? 'connection' : 'rotation',
            name: 'orders',
            status,
            strategy,
            code,
            role: 'app_a',
            message: 'What the service says of app_a.',
            remedy: 'Send takeover: true.',
            provenAt: null,
            links: { console: '/console/rotations/1', step: null },
          };
          const where = `${status} ${strategy} ${code} ${severity}`;
          const markup = text(troubleNote(trouble, self ? CONNECTION : ROTATION));
          const said = words(markup);
          assert.match(markup, /<strong>[^<]{5,}<\/strong>/, where);
          assert.doesNotMatch(said, SPEECH, where);
          assert.doesNotMatch(said.replace(t.trouble.unproven, ''), PROMISE, where);
          assert.ok(said.includes(trouble.message) && said.includes(code), where);
          assert.ok(said.includes(t.remedy), where);
          const { steps } = adviceOn(trouble);
          // A role that is refused gives itself no password, and what the service finds out by itself cannot be hurried by a change.
          if (status === 'in_doubt' || (self && ['changed_by_third_party', 'stale_credential'].includes(code))) assert.ok(!steps.includes('rotate'), where);
          if (status === 'revoking') assert.deepEqual(steps, ['abandon'], where);
          else if (status === 'in_doubt') assert.deepEqual(steps, ['verify'], where);
          if (self) assert.doesNotMatch(markup, />(Put ours back|Abandon|Copy the statement)</, where);
          words(text(troubleTable([trouble], 'x')));
          drawn++;
        }
  assert.ok(drawn > 5000, `${drawn} drawn`);
});

test('what is said of the served password is what was verified', () => {
  const at = '2026-11-28T08:53:00Z';
  const of = (change) => words(text(proof({ kind: 'rotation', status: 'parked', code: 'connect_timed_out', provenAt: null, ...change })));
  assert.match(text(proof({ kind: 'rotation', status: 'parked', code: 'standby', provenAt: at })), /A login last proved.*rw-when at=2026-11-28T08:53/);
  assert.equal(of({}), t.trouble.unproven);
  assert.equal(of({ code: 'changed_by_third_party' }), t.trouble.refused);
  assert.equal(of({ status: 'stale', code: 'stale_credential' }), t.trouble.refused);
});

test('the steps of the bad days are buttons', () => {
  const buttons = (code, status = 'parked', kind = 'rotation', acts = ROTATION) =>
    [...text(troubleNote({ kind, status, code, severity: 'error', message: '', remedy: '' }, acts)).matchAll(/<(?:button|a)[^>]*>([^<]+)</g)].map(
      ([, each]) => each,
    );
  assert.deepEqual(buttons('changed_by_third_party'), ['Rotate now', 'Put ours back', 'Verify now']);
  assert.deepEqual(buttons('admin_option_missing'), ['Copy the statement', 'Open the connection']);
  assert.deepEqual(buttons('not_answered_yet', 'in_doubt'), ['Verify now']);
  assert.deepEqual(buttons('rotation_revoking', 'revoking'), ['Abandon']);
  assert.deepEqual(buttons('overdue', 'overdue'), ['Rotate now']);
  assert.deepEqual(buttons('connection_refused'), ['Verify now', 'Open the connection']);
  assert.deepEqual(buttons('password_refused', 'test_failed', 'connection', CONNECTION), ['Test now']);
  assert.deepEqual(buttons('changed_by_third_party', 'parked', 'connection', CONNECTION), ['Verify now', 'Release']);
  assert.deepEqual(buttons('webhook_dead_letters', 'webhook_dead_letters', 'webhook', { test: act, replay: act }), ['Send again', 'Test now']);
  // Who may not do it is offered nothing.
  assert.deepEqual(buttons('changed_by_third_party', 'parked', 'rotation', {}), []);
});

test('every code as the answer to something that was asked', () => {
  for (const [code, status] of met) {
    const problem = new Problem(status, { code, message: 'What the service says.', details: { reason: 'admin_option_missing' }, reqId: 'r-1' });
    const said = words(text(fault(problem, stepsOf(problem, ROTATION))));
    assert.ok(said.startsWith(`${CODES[code][0]} ${CODES[code][1]}`), `${code}: ${said}`);
    assert.match(said, /What the service says\..*Request r-1/, code);
    assert.doesNotMatch(said, SPEECH, code);
  }
  // A code that a newer service has: its own words, and what its status says.
  const newer = words(text(fault(new Problem(503, { code: 'made_next_year', message: 'Said in other words.' }))));
  assert.match(newer, /^Said in other words\. The service is not ready/);
});
