/**
 * Times of day by a cron expression, in UTC (progressdb.md 5.6).
 *
 * Invariant: `next` is later than its argument and matches every field. Five fields (minute hour day month weekday) or
 * six with seconds in front; lists, ranges, steps, names, 7 as Sunday. When both day and weekday are restricted, either
 * will do, as cron has it. Written here because it is eighty lines, needs no time zones, and must run on a time that is
 * handed in.
 */

/** A schedule that was read. */
export interface Cron {
  /** The next time after `after`, in Unix milliseconds; `Infinity` when there is none, such as on February 30th. */
  next(after: number): number;
}

interface Field {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const SECOND: Field = { min: 0, max: 59 };
const HOUR: Field = { min: 0, max: 23 };
const DAY: Field = { min: 1, max: 31 };
const MONTH: Field = {
  min: 1,
  max: 12,
  names: ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
};
const WEEKDAY: Field = { min: 0, max: 7, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] };
const NICKNAMES: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
/** Leap days come back after eight years at most. */
const YEARS = 9;

/** Reads an expression; `undefined` when it is none. */
export function readCron(text: string): Cron | undefined {
  const trimmed = text.trim();
  const parts = (NICKNAMES[trimmed] ?? trimmed).split(/\s+/);
  if (parts.length === 5) parts.unshift('0');
  if (parts.length !== 6) return undefined;
  const [seconds, minutes, hours, days, months, weekdays] = [SECOND, SECOND, HOUR, DAY, MONTH, WEEKDAY].map(
    (field, at) => readField(parts[at] as string, field),
  );
  if (!seconds || !minutes || !hours || !days || !months || !weekdays) return undefined;
  if (weekdays.has(7)) weekdays.add(0);
  const anyDay = isAny(parts[3] as string);
  const anyWeekday = isAny(parts[5] as string);
  const dayMatches = (date: Date): boolean => {
    const day = days.has(date.getUTCDate());
    const weekday = weekdays.has(date.getUTCDay());
    return anyDay || anyWeekday ? day && weekday : day || weekday;
  };
  return {
    next(after) {
      const date = new Date(Math.floor(after / 1000) * 1000 + 1000);
      const end = date.getUTCFullYear() + YEARS;
      while (date.getUTCFullYear() < end) {
        if (!months.has(date.getUTCMonth() + 1)) date.setTime(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1));
        else if (!dayMatches(date)) date.setUTCHours(24, 0, 0, 0);
        else if (!hours.has(date.getUTCHours())) date.setUTCMinutes(60, 0, 0);
        else if (!minutes.has(date.getUTCMinutes())) date.setUTCSeconds(60, 0);
        else if (!seconds.has(date.getUTCSeconds())) date.setTime(date.getTime() + 1000);
        else return date.getTime();
      }
      return Number.POSITIVE_INFINITY;
    },
  };
}

const isAny = (part: string): boolean => part.startsWith('*') || part === '?';

function readField(part: string, field: Field): Set<number> | undefined {
  const values = new Set<number>();
  for (const item of part.toLowerCase().split(',')) {
    const found = /^(\*|\?|\w+)(?:-(\w+))?(?:\/(\d{1,2}))?$/.exec(item);
    if (found === null) return undefined;
    const [, from = '', to, step] = found;
    const all = from === '*' || from === '?';
    if (all && to !== undefined) return undefined;
    const first = all ? field.min : readValue(from, field);
    // `n/step` runs to the end of the field
    const last = to !== undefined ? readValue(to, field) : all || step !== undefined ? field.max : first;
    const by = step === undefined ? 1 : Number(step);
    if (first === undefined || last === undefined || first > last || by === 0) return undefined;
    for (let value = first; value <= last; value += by) values.add(value);
  }
  return values;
}

function readValue(text: string, field: Field): number | undefined {
  const named = field.names?.indexOf(text) ?? -1;
  if (named >= 0) return named + field.min;
  if (!/^\d{1,2}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= field.min && value <= field.max ? value : undefined;
}
