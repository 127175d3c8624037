/**
 * Timestamps as services write them, read as microseconds since the epoch, UTC.
 *
 * Accepted are the forms of the iso8601 package that the original uses (1.0.2, checked against it): `T` or a blank
 * between date and time; minutes, seconds and a fraction (dot or comma, cut to microseconds) optional; `Z`, `+hh`,
 * `+hhmm`, `+hh:mm` or no zone, which means UTC; the basic form `20260102T030405`; a date, a month (`2026-01`) or
 * a year alone. Years 1 to 9999. Whole seconds are exact in all of them, microseconds from 1685 to 2254, where
 * they are safe integers; outside of those years a fraction is cut to a multiple of 32 µs.
 */

const SECOND = 1_000_000;
const DAY_SECONDS = 86_400;
const FIRST_SECOND = -62_135_596_800;
const END_SECOND = 253_402_300_800;
const FIRST_MICROS = FIRST_SECOND * SECOND;
const LAST_MICROS = END_SECOND * SECOND - 32;
// Up to here microseconds are safe integers; beyond, multiples of 32 are still exact in a double to the year 9999.
const SAFE_SECONDS = Math.floor(Number.MAX_SAFE_INTEGER / SECOND) - 1;

/**
 * Microseconds since the epoch, UTC, or undefined when the text is no timestamp (see the head of this file), the
 * date does not exist or the instant lies outside of the years 1 to 9999 in UTC. Never throws.
 */
export function tryParseTimestamp(text: string): number | undefined {
  const fast = parseUsual(text);
  if (fast !== undefined) return fast;
  const fields = matchIso(text);
  if (fields === undefined) return undefined;
  return instantOfFields(fields);
}

/**
 * Naive ISO 8601 text in UTC, as Python's `datetime.isoformat` prints it: `2026-01-02T03:04:05`, with six digits
 * of fraction when it is not zero. Throws RangeError for an instant outside of the years 1 to 9999 or a number
 * that is no integer; `tryParseTimestamp` never gives such a one.
 */
export function formatUtc(micros: number): string {
  if (!(micros >= FIRST_MICROS && micros <= LAST_MICROS) || !Number.isInteger(micros)) {
    throw new RangeError(`${micros} is no count of microseconds within the years 1 to 9999`);
  }
  const seconds = Math.floor(micros / SECOND);
  const fraction = micros - seconds * SECOND;
  const day = Math.floor(seconds / DAY_SECONDS);
  const second = seconds - day * DAY_SECONDS;
  return `${dayText(day)}T${clockText(second)}${fractionText(fraction)}`;
}

/**
 * The text in ISO 8601 with its own offset kept and `+00:00` where it named none:
 * `2026-01-02 03:04:05` gives `2026-01-02T03:04:05+00:00`. Undefined for what `tryParseTimestamp` refuses.
 * This is how the original prints the timestamp of a sample made from a notification.
 */
export function toZonedText(text: string): string | undefined {
  const utc = tryParseTimestamp(text);
  if (utc === undefined) return undefined;
  // The text most services write needs no second look.
  if (NAIVE.test(text)) return `${text.slice(0, 10)}T${text.slice(11)}+00:00`;
  const offset = matchIso(text)?.offsetMinutes ?? 0;
  const local = utc + offset * 60 * SECOND;
  return formatUtc(local) + offsetText(offset);
}

/** Without zone and with no fraction, or one of six digits that is not zero. */
const NAIVE = /^.{10}[ T]..:..:\d\d(?:\.(?!000000)\d{6})?$/;

interface IsoFields {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly micros: number;
  readonly offsetMinutes: number;
}

/**
 * The form nearly every service writes, without a regular expression: `YYYY-MM-DD[ T]HH:MM:SS[.f…]` and then
 * nothing, `Z` or `±hh:mm`. Undefined means only "not that form".
 */
function parseUsual(text: string): number | undefined {
  const length = text.length;
  if (length < 19) return undefined;
  const separator = text.charCodeAt(10);
  if (separator !== 0x54 && separator !== 0x20) return undefined;
  if (text.charCodeAt(4) !== 0x2d || text.charCodeAt(7) !== 0x2d) return undefined;
  if (text.charCodeAt(13) !== 0x3a || text.charCodeAt(16) !== 0x3a) return undefined;
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const day = epochDay(year, twoDigits(text, 5), twoDigits(text, 8));
  const clock = clockSecond(twoDigits(text, 11), twoDigits(text, 14), twoDigits(text, 17));
  // NaN if anything was no digit, which no comparison in `instantOf` lets through.
  const seconds = day * DAY_SECONDS + clock;
  if (length === 19) return instantOf(seconds, 0);
  if (text.charCodeAt(19) === 0x2e) return parseFractionAndZone(text, seconds);
  return parseZone(text, 19, seconds, 0);
}

function parseFractionAndZone(text: string, seconds: number): number | undefined {
  let index = 20;
  let micros = 0;
  let weight = 100_000;
  for (; index < text.length; index += 1) {
    const digit = text.charCodeAt(index) - 48;
    if (!(digit >= 0 && digit <= 9)) break;
    micros += digit * weight;
    weight = weight > 1 ? weight / 10 : 0;
  }
  if (index === 20) return undefined;
  return index === text.length ? instantOf(seconds, micros) : parseZone(text, index, seconds, micros);
}

function parseZone(text: string, index: number, seconds: number, micros: number): number | undefined {
  const sign = text.charCodeAt(index);
  if (sign === 0x5a) return text.length === index + 1 ? instantOf(seconds, micros) : undefined;
  if (sign !== 0x2b && sign !== 0x2d) return undefined;
  if (text.length !== index + 6 || text.charCodeAt(index + 3) !== 0x3a) return undefined;
  const minutes = twoDigits(text, index + 1) * 60 + twoDigits(text, index + 4);
  if (!(minutes < 1440)) return undefined;
  return instantOf(sign === 0x2b ? seconds - minutes * 60 : seconds + minutes * 60, micros);
}

/** The instant in microseconds, or undefined outside of the years 1 to 9999. */
function instantOf(seconds: number, micros: number): number | undefined {
  if (!(seconds >= FIRST_SECOND && seconds < END_SECOND)) return undefined;
  const exact = seconds <= SAFE_SECONDS && seconds >= -SAFE_SECONDS;
  return seconds * SECOND + (exact ? micros : micros - (micros % 32));
}

/** The number of two decimal digits, or NaN. */
function twoDigits(text: string, index: number): number {
  const tens = text.charCodeAt(index) - 48;
  const ones = text.charCodeAt(index + 1) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

function clockSecond(hour: number, minute: number, second: number): number {
  return hour <= 23 && minute <= 59 && second <= 59 ? hour * 3600 + minute * 60 + second : Number.NaN;
}

/** Days since 1970-01-01 of a date of the Gregorian calendar, or NaN when there is no such date. */
function epochDay(year: number, month: number, day: number): number {
  if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1)) return Number.NaN;
  if (!(day <= 28 || day <= monthLength(year, month))) return Number.NaN;
  // Years begin in March here, so that the leap day is the last day of its year.
  const shifted = month > 2 ? year : year - 1;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function monthLength(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

const CLOCK = String.raw`[ T](?<hour>\d\d)(?::?(?<minute>\d\d))?(?::?(?<second>\d\d?)(?:[.,](?<fraction>\d+))?)?`;
const ZONE = String.raw`(?<zone>Z|(?<sign>[+-])(?<zoneHour>\d\d):?(?<zoneMinute>\d\d)?)?`;
const DATE = String.raw`(?<year>\d{4})(?:(?:-(?<month>\d\d?)|(?<month>\d\d)(?!$))(?:(?:-(?<day>\d\d?)|(?<day>\d\d))`;
const ISO = new RegExp(`^${DATE}(?:${CLOCK}${ZONE})?)?)?$`);

function matchIso(text: string): IsoFields | undefined {
  const groups = ISO.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const minutes = Number(groups['zoneHour'] ?? 0) * 60 + Number(groups['zoneMinute'] ?? 0);
  return {
    year: Number(groups['year']),
    month: Number(groups['month'] ?? 1),
    day: Number(groups['day'] ?? 1),
    hour: Number(groups['hour'] ?? 0),
    minute: Number(groups['minute'] ?? 0),
    second: Number(groups['second'] ?? 0),
    micros: Number((groups['fraction'] ?? '').slice(0, 6).padEnd(6, '0')),
    offsetMinutes: groups['sign'] === '-' ? -minutes : minutes,
  };
}

function instantOfFields(fields: IsoFields): number | undefined {
  if (Math.abs(fields.offsetMinutes) >= 1440) return undefined;
  const day = epochDay(fields.year, fields.month, fields.day);
  const clock = clockSecond(fields.hour, fields.minute, fields.second);
  return instantOf(day * DAY_SECONDS + clock - fields.offsetMinutes * 60, fields.micros);
}

// Records come in order of time, so nearly all calls ask for the day of the call before.
let lastDay = Number.NaN;
let lastDayText = '';

function dayText(day: number): string {
  if (day !== lastDay) {
    lastDayText = formatDay(day);
    lastDay = day;
  }
  return lastDayText;
}

function formatDay(day: number): string {
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const leapDays =
    Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const dayOfMonth = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${String(year).padStart(4, '0')}-${pad(month)}-${pad(dayOfMonth)}`;
}

function clockText(second: number): string {
  const hour = Math.floor(second / 3600);
  const minute = Math.floor(second / 60) % 60;
  return `${pad(hour)}:${pad(minute)}:${pad(second % 60)}`;
}

function fractionText(micros: number): string {
  return micros === 0 ? '' : `.${String(micros).padStart(6, '0')}`;
}

function offsetText(minutes: number): string {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${pad(Math.floor(size / 60))}:${pad(size % 60)}`;
}

function pad(value: number): string {
  return value < 10 ? `0${value}` : `${value}`;
}
