// Which password of which role was valid when, as a picture.
import { fit, html, local, nothing, svg } from './ui.js';
import { t } from './texts.js';

/** Pixels: below it the names of the roles stand above their bars. */
const NARROW = 640;
const RIGHT = 20;
const TOP = 26;
/** Pixels that a date on the axis takes, with the room around it. */
const DATE_WIDTH = 100;

const time = (text) => new Date(text).getTime();

/** From when to when each version was taken by the server, and was the one that is served. */
export function spans(versions, now) {
  const applied = versions.filter((each) => each.appliedAt || each.currentAt);
  const served = applied.filter((each) => each.currentAt).sort((a, b) => time(a.currentAt) - time(b.currentAt));
  return applied.map((version) => {
    const from = time(version.appliedAt ?? version.currentAt);
    const replaced = applied
      .filter((each) => each.username === version.username && each.number > version.number)
      .map((each) => time(each.appliedAt ?? each.currentAt));
    const after = served[served.indexOf(version) + 1];
    return {
      version,
      from,
      until: Math.min(now, ...replaced),
      open: replaced.length === 0,
      servedFrom: version.currentAt ? time(version.currentAt) : null,
      servedUntil: version.currentAt ? (after ? time(after.currentAt) : now) : null,
    };
  });
}

/** Round steps of time for an axis. @param most how many fit */
function ticks(from, to, most) {
  const steps = [
    60_000,
    300_000,
    900_000,
    3_600_000,
    3 * 3_600_000,
    6 * 3_600_000,
    12 * 3_600_000,
    86_400_000,
    2 * 86_400_000,
    7 * 86_400_000,
    14 * 86_400_000,
    30 * 86_400_000,
    90 * 86_400_000,
  ];
  const step = steps.find((each) => (to - from) / each <= most) ?? 365 * 86_400_000;
  const format = new Intl.DateTimeFormat(
    'en-GB',
    step < 43_200_000 ? { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hour12: false } : { month: 'short', day: 'numeric' },
  );
  const first = Math.ceil(from / step) * step;
  return Array.from({ length: Math.max(0, Math.floor((to - first) / step) + 1) }, (_, i) => [first + i * step, format.format(first + i * step)]);
}

/**
 * @param roles names, in the order of their lanes
 * @param next when the service rotates next, or null
 */
export function timeline({ roles, versions, attempts, next, now = Date.now() }) {
  const bars = spans(versions, now);
  if (!bars.length) return nothing;
  const begun = Math.min(...bars.map((each) => each.from), ...attempts.map((each) => time(each.startedAt)));
  const age = Math.max(now - begun, 10 * 60_000);
  // The next run belongs in the picture unless it would press the past into a corner.
  const soon = next && time(next) > now && time(next) - now < age * 1.2;
  const from = now - age * 1.04;
  const to = soon ? time(next) + age * 0.06 : now + age * 0.08;
  const picture = (width) => {
    const narrow = width < NARROW;
    const left = narrow ? 0 : 150;
    const height = narrow ? 56 : 38;
    const [nameAt, barAt] = narrow ? [10, 16] : [20, 4];
    const most = narrow ? Math.floor(width / 7) : 20; // letters of a name
    const x = (at) => left + ((Math.min(Math.max(at, from), to) - from) / (to - from)) * (width - left - RIGHT);
    const lane = (i) => TOP + i * height;
    const bottom = lane(roles.length) + barAt + 26;
    return html`<svg class="chart timeline" viewBox="0 0 ${width} ${bottom + 24}" role="img" aria-label=${t.timeline.label(versions.length, attempts.length)}>
        ${ticks(from, to, (width - left) / DATE_WIDTH).map(([at, text]) => svg`<line class="grid" x1=${x(at)} x2=${x(at)} y1=${TOP - 6} y2=${bottom}></line><text x=${x(at)} y=${bottom + 18} text-anchor="middle">${text}</text>`)}
        ${roles.map((role, i) => svg`<text class="strong" x="0" y=${lane(i) + nameAt}>${role.length > most ? `${role.slice(0, most - 1)}…` : role}<title>${role}</title></text>`)}
        <text x="0" y=${lane(roles.length) + (narrow ? 10 : 17)}>${t.timeline.attempts}</text>
        ${bars.map((bar) => {
          const y = lane(roles.indexOf(bar.version.username)) + barAt;
          const servedTo = bar.servedFrom === null ? 0 : Math.max(3, x(Math.min(bar.servedUntil, bar.until)) - x(bar.servedFrom));
          const label =
            x(bar.until) - x(bar.from) > 26
              ? svg`<text class=${servedTo > 22 ? 'on' : 'strong'} x=${servedTo > 22 ? x(bar.servedFrom) + 7 : x(bar.from) + servedTo + 7} y=${y + 16}>${bar.version.number}</text>`
              : nothing;
          return svg`<g>
            <rect class="valid" x=${x(bar.from)} y=${y} width=${Math.max(3, x(bar.until) - x(bar.from))} height="23" rx="4"></rect>
            ${bar.servedFrom !== null ? svg`<rect class="served" x=${x(bar.servedFrom)} y=${y} width=${servedTo} height="23" rx="4"></rect>` : nothing}
            ${label}
            <title>${t.timeline.bar(bar.version.username, bar.version.number, t.version[bar.version.state], local(bar.from), bar.open ? '' : local(bar.until))}</title></g>`;
        })}
        ${attempts.map((attempt) => {
          const cx = x(time(attempt.startedAt));
          const cy = lane(roles.length) + barAt + 9;
          const kind = attempt.state === 'done' ? 'good' : attempt.state === 'failed' ? 'bad' : 'warn';
          const mark =
            kind === 'good'
              ? svg`<circle class="good" cx=${cx} cy=${cy} r="5"></circle>`
              : kind === 'bad'
                ? svg`<path class="bad" d="M${cx - 6} ${cy + 5}h12l-6 -11z"></path>`
                : svg`<path class="warn" d="M${cx} ${cy - 6}l6 6-6 6-6-6z"></path>`;
          return svg`<g>${mark}<title>${t.timeline.attempt(attempt.username, t.attempt.state[attempt.state], local(attempt.startedAt))}</title></g>`;
        })}
        <line class="now" x1=${x(now)} x2=${x(now)} y1="8" y2=${bottom}></line><text x=${x(now)} y="10" text-anchor="end" dx="-5">${t.timeline.now}</text>
        ${soon ? svg`<line class="next" x1=${x(time(next))} x2=${x(time(next))} y1="8" y2=${bottom}></line><text x=${x(time(next))} y="10" text-anchor=${width - x(time(next)) > 55 ? 'start' : 'end'} dx=${width - x(time(next)) > 55 ? 5 : -5}>${t.timeline.next}</text>` : nothing}
      </svg>`;
  };
  return html`
    <figure class="stack">
      ${fit(picture)}
      <figcaption class="legend"><span><i class="served"></i>${t.timeline.served}</span><span><i class="valid"></i>${t.timeline.valid}</span><span><i class="good"></i>${t.attempt.state.done}</span><span><i class="bad"></i>${t.attempt.state.failed}</span><span><i class="warn"></i>${t.timeline.under}</span>
        ${next && !soon ? html`<span>${t.timeline.later(local(next))}</span>` : nothing}</figcaption>
    </figure>`;
}
