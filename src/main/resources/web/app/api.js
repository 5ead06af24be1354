// The one way to the service: its public REST API. The token lives in this module's memory and nowhere else.
import { CODES } from './codes.js';
import { t } from './texts.js';

/** What the service, or the way to it, said no with. */
export class Problem extends Error {
  constructor(status, body) {
    const issues = Array.isArray(body.message) ? body.message : [];
    super(issues.length ? t.problem.invalid : body.message);
    this.status = status;
    this.code = body.code;
    this.details = body.details ?? {};
    this.requestId = body.reqId;
    /** Seconds, where the service says when to come back. */
    this.retryAfter = undefined;
    /** Message by the path of its field, such as credentials.host. */
    this.issues = Object.fromEntries(issues.map((each) => [each.path.join('.'), each.message]));
  }

  /** In the console's words; what the service said of this one thing is the message. */
  get heading() {
    return CODES[this.code]?.[0] ?? this.message;
  }

  /** Heading and fix of why, where the code says only that it failed. */
  get cause() {
    return CODES[this.details.failure?.reason ?? this.details.reason] ?? [this.heading, this.remedy];
  }

  get remedy() {
    return CODES[this.code]?.[1] ?? t.problem.remedyByStatus[this.status] ?? '';
  }
}

const OVER = new Set(['token_missing', 'token_expired', 'token_invalid', 'token_revoked']);

/** The one operation that takes the cookie. */
const RESUME = '/api/v1/auth/console-session/resume';

/** Seconds: a page that is left open does not stay signed in for weeks. */
const LONGEST_SESSION = 12 * 60 * 60;

/** Who is signed in. Listeners are told of every change: 'in', 'out' or 'expired'. */
export const session = {
  /** 'looking' only until it is known whether somebody is signed in already. */
  state: 'looking',
  caller: null,
  clientId: '',
  listeners: new Set(),

  async signIn(clientId, clientSecret) {
    const granted = await send('POST', '/api/v1/auth/universal-auth/login', { body: { clientId, clientSecret, accessTokenMaxTTL: LONGEST_SESSION } });
    this.caller = (await send('GET', '/api/v1/auth/caller', { token: granted.accessToken })).caller;
    this.clientId = clientId;
    keep(granted);
    this.unended = false;
    asking = false;
    remember();
    this.become('in');
    waiting.splice(0).forEach((go) => go());
    tabs.postMessage({ have: { accessToken: token, expiresIn: granted.expiresIn }, caller: this.caller, clientId });
  },

  /** Asks the other tabs whether one is signed in, and the service whether this browser was. */
  async ask() {
    tabs.postMessage({ ask: true });
    try {
      const granted = await send('POST', RESUME, { credentials: 'same-origin' });
      if (!asking) return; // another tab, or somebody who has typed, was faster
      const { caller } = await send('GET', '/api/v1/auth/caller', { token: granted.accessToken });
      if (!asking) return;
      asking = false;
      this.caller = caller;
      keep(granted);
      this.become('in');
    } catch {
      if (this.state === 'looking') this.become('out');
    }
  },

  /** Ends the login at the service too, and the cookie with it; what is on the page goes as well. */
  async signOut() {
    let ended = token;
    asking = false;
    tabs.postMessage({ out: true, identityId: this.caller?.identityId });
    forget();
    this.caller = null;
    this.clientId = '';
    this.become('out');
    try {
      // A page whose token has ended may still have a login that goes on.
      ended ??= (await send('POST', RESUME, { credentials: 'same-origin' })).accessToken;
      await send('POST', '/api/v1/auth/token/revoke', { body: { accessToken: ended } });
      await send('POST', RESUME, { credentials: 'same-origin' }); // refused: that takes the cookie away
    } catch (problem) {
      if (problem.status && problem.status < 500) return;
      this.unended = true;
      this.become('out');
    }
  },

  /** Whether the last sign-out did not reach the service. */
  unended: false,

  become(state) {
    this.state = state;
    this.listeners.forEach((tell) => tell(state));
  },

  /** @param project absent: whether anywhere */
  may(right, project) {
    if (!this.caller) return false;
    if (this.caller.rights.includes(right)) return true;
    const projects = this.caller.projects.filter((each) => project === undefined || each.projectId === project);
    return projects.some((each) => each.rights.includes(right));
  },
};

/**
 * Between the tabs of this origin: one that is opened is handed the session of one that has it, so that it never leaves the memory of
 * pages; one that signs out takes all along. What a page of this origin can read here it could read in its own memory.
 */
const tabs = new BroadcastChannel('rolewright-session');

tabs.onmessage = ({ data }) => {
  if (data.ask && token && session.state === 'in')
    tabs.postMessage({
      have: { accessToken: token, expiresIn: Math.max(1, (endsAt - Date.now()) / 1000) },
      caller: session.caller,
      clientId: session.clientId,
    });
  // Whoever is signed in already stays who he is; a page whose session has ended goes on only as the same one.
  if (data.have && (asking || (session.state === 'expired' && data.caller.identityId === session.caller?.identityId))) {
    asking = false;
    session.caller = data.caller;
    session.clientId = data.clientId;
    keep(data.have);
    session.become('in');
    waiting.splice(0).forEach((go) => go());
  }
  if (data.out && session.caller && data.identityId === session.caller.identityId) {
    forget();
    asking = false;
    session.caller = null;
    session.clientId = '';
    session.become('out');
  }
};

/** Only a page that has just been opened takes a session over: one that was signed out stays so. */
let asking = true;
let endsAt = 0;
let token = null;
let renewal = 0;
const waiting = [];

function keep(granted) {
  token = granted.accessToken;
  endsAt = Date.now() + granted.expiresIn * 1000;
  clearTimeout(renewal);
  // Long before it expires, so that a slow or failed renewal has time for another.
  renewal = setTimeout(renew, Math.min(granted.expiresIn * 600, 2 ** 31 - 1), Date.now() + granted.expiresIn * 1000);
}

async function renew(expiresAt) {
  const current = token;
  try {
    const granted = await send('POST', '/api/v1/auth/token/renew', { body: { accessToken: current } });
    if (token !== current) return;
    keep(granted);
    remember(); // signed by the key of now
  } catch {
    const left = expiresAt - Date.now();
    if (token !== current) return;
    if (left > 2000) renewal = setTimeout(renew, Math.min(left / 2, 30_000), expiresAt);
    else expire();
  }
}

/** Lets this browser go on after a reload, by a cookie that no script reads. Without it a reload asks for the secret. */
function remember() {
  send('POST', '/api/v1/auth/console-session', { token, credentials: 'same-origin' }).catch(() => {});
}

function forget() {
  clearTimeout(renewal);
  token = null;
}

function expire() {
  forget();
  session.become('expired');
}

/** Resolves when somebody has signed in again. */
const signedIn = () => (token ? Promise.resolve() : new Promise((go) => waiting.push(go)));

/**
 * Calls the API as who is signed in. When the token has ended it waits for the next sign-in and calls again: what was
 * refused for its token had no effect.
 *
 * @param options query, body, key (Idempotency-Key), seen (If-Match), as ('json', 'blob'), signal
 */
export async function call(method, path, options = {}) {
  for (;;) {
    await signedIn();
    const used = token;
    try {
      return await send(method, path, { ...options, token: used });
    } catch (problem) {
      if (!OVER.has(problem.code)) throw problem;
      if (token === used) expire();
    }
  }
}

async function send(method, path, { query, body, key, seen, token: bearer, as = 'json', signal, credentials = 'omit' } = {}) {
  const headers = { Accept: as === 'json' ? 'application/json' : '*/*' };
  if (bearer) headers.Authorization = `Bearer ${bearer}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (key) headers['Idempotency-Key'] = key;
  if (seen) headers['If-Match'] = seen;
  const search = new URLSearchParams(Object.entries(query ?? {}).filter(([, value]) => value !== undefined && value !== ''));
  let answer;
  try {
    answer = await fetch(search.size ? `${path}?${search}` : path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      cache: 'no-store',
      credentials,
      referrerPolicy: 'no-referrer',
    });
    if (answer.ok) {
      const found = as === 'json' ? await answer.json() : await answer.blob();
      const etag = answer.headers.get('ETag');
      if (etag) Object.defineProperty(found, 'etag', { value: etag }); // what a change names as seen
      return found;
    }
  } catch (failure) {
    if (failure.name === 'AbortError') throw failure;
    throw new Problem(0, { code: 'unreachable', message: t.problem.unreachable });
  }
  let said;
  try {
    said = await answer.json();
  } catch {
    said = { code: 'not_understood', message: t.problem.notUnderstood(answer.status) };
  }
  const problem = new Problem(answer.status, said);
  const wait = Number(answer.headers.get('Retry-After'));
  if (wait > 0) problem.retryAfter = Math.min(wait, 60);
  throw problem;
}

export const get = (path, query, signal) => call('GET', path, { query, signal });
export const post = (path, body, options) => call('POST', path, { body, ...options });
/** @param seen the ETag of what the change was made from */
export const patch = (path, body, seen) => call('PATCH', path, { body, seen });
export const put = (path, body, seen) => call('PUT', path, { body, seen });
export const remove = (path, query) => call('DELETE', path, { query });

/** The same key for the same request, so that a repeat after a lost answer does nothing twice; another for another. */
export class OnceKey {
  #request;
  #key;

  for(request) {
    const text = JSON.stringify(request);
    if (text !== this.#request) {
      this.#request = text;
      this.#key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
    }
    return this.#key;
  }

  /** The request is done: the next one is another, even if it looks the same. */
  done() {
    this.#request = undefined;
  }
}

export const CONNECTIONS = '/api/v1/app-connections/postgres';
export const ROTATIONS = '/api/v2/secret-rotations/postgres-credentials';
export const SUMMARY = '/api/v2/secret-rotations/summary';
export const TROUBLES = '/api/v1/troubles';
export const PROJECTS = '/api/v1/projects';

/** The caller's projects; none for who may see none. */
export const projects = async () => (session.may('read:projects') ? (await get(PROJECTS)).projects : []);
