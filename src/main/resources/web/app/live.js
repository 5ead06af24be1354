// What a page shows of the service: read when the page opens, followed while it is looked at, read again when asked to.
import { Problem } from './api.js';
import { Part, fault, html, icon, nothing } from './ui.js';
import { t } from './texts.js';

/** Milliseconds: what is changing at this moment, and everything else. */
const SOON = 2000;
const CALM = 30_000;

/**
 * Reads for a part, once at a time; what was read before stays while it is read again, and while the service is away.
 * A read that was overtaken or left is aborted.
 */
export class Live {
  data = null;
  problem = null;
  /** When `data` was read. */
  at = 0;
  busy = false;

  /**
   * @param read (signal) gives what there is; what it throws that is no Problem is a fault of the page
   * @param options changing(data) whether it is about to change; follow(data) whether to read it again unasked
   */
  constructor(part, read, { changing = () => false, follow = () => true } = {}) {
    this.part = part;
    this.read = read;
    this.changing = changing;
    this.follow = follow;
    part.addController(this);
  }

  hostConnected() {
    document.addEventListener('visibilitychange', this.seen);
    this.refresh();
  }

  hostDisconnected() {
    document.removeEventListener('visibilitychange', this.seen);
    clearTimeout(this.later);
    this.leaving?.abort();
  }

  /** Somebody looks again: what he sees is as old as at most one pause. */
  seen = () => {
    if (!document.hidden && Date.now() - this.at > SOON) this.refresh();
  };

  async refresh() {
    clearTimeout(this.later);
    this.leaving?.abort();
    const mine = (this.leaving = new AbortController());
    this.busy = true;
    this.part.requestUpdate();
    try {
      const data = await this.read(mine.signal);
      if (mine.signal.aborted) return;
      this.data = data;
      this.at = Date.now();
      this.problem = null;
    } catch (problem) {
      if (mine.signal.aborted || problem.name === 'AbortError') return;
      if (!(problem instanceof Problem)) throw problem;
      this.problem = problem;
    }
    this.busy = false;
    this.part.requestUpdate();
    this.plan();
  }

  /** The next look. A window that nobody sees asks nothing. */
  plan() {
    clearTimeout(this.later);
    if (!this.part.isConnected || (this.data && !this.follow(this.data))) return;
    const pause = this.data && this.changing(this.data) ? SOON : CALM;
    this.later = setTimeout(() => (document.hidden ? this.plan() : this.refresh()), pause);
  }

  /** How old it is, with a way to read it again. */
  age() {
    return html`<rw-age .at=${this.at} .problem=${this.data ? this.problem : null} .again=${() => this.refresh()}></rw-age>`;
  }

  /** In place of a page that has nothing yet. */
  fault() {
    return fault(this.problem, html`<div><button @click=${() => this.refresh()}>${t.again}</button></div>`);
  }
}

/** "Updated 5 seconds ago"; where the service is away, what stands here is old and says so. */
class Age extends Part {
  static properties = { at: {}, problem: {}, again: {} };

  connectedCallback() {
    super.connectedCallback();
    this.ticking = setInterval(() => this.requestUpdate(), 1000);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    clearInterval(this.ticking);
  }

  render() {
    if (!this.at) return nothing;
    const seconds = Math.max(0, Math.round((Date.now() - this.at) / 1000));
    return html`<div class="age small ${this.problem ? 'bad' : ''}">
      <span>${this.problem ? html`<strong>${t.age.stale(seconds)}</strong> ${this.problem.message}` : t.age.text(seconds)}</span>
      <button class="quiet small" @click=${this.again}>${icon('rotations')}${this.problem ? t.again : t.age.refresh}</button></div>`;
  }
}
customElements.define('rw-age', Age);
