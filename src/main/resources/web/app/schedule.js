// When a password is due, by the same rule as the service's (io.rolewright.credential.Schedule). Times are UTC inside.

const DAY = 86_400_000;

/** @return the moment after a change, as the service would set it */
function next(lastChange, { days, hours, minutes }, manual) {
  const day = new Date(lastChange);
  const due = Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate() + days, hours, minutes);
  const least = manual ? days * DAY + 1 : (days * DAY) / 2;
  return due - lastChange < least ? due + DAY : due;
}

/** The next dates after a change, if every later one is made on time. */
export function nextDates({ at, manual }, schedule, count = 5) {
  const dates = [];
  let last = at;
  for (let i = 0; i < count; i++) {
    last = next(last, schedule, manual && i === 0);
    dates.push(new Date(last));
  }
  return dates;
}

/** What the clock on the wall shows at a UTC time of day, today. */
export function utcToLocal(hours, minutes) {
  const at = new Date();
  at.setUTCHours(hours, minutes, 0, 0);
  return { hours: at.getHours(), minutes: at.getMinutes() };
}

export function localToUtc(hours, minutes) {
  const at = new Date();
  at.setHours(hours, minutes, 0, 0);
  return { hours: at.getUTCHours(), minutes: at.getUTCMinutes() };
}
