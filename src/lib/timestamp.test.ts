import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatUtc, toZonedText, tryParseTimestamp } from './timestamp.ts';

const INSTANT = Date.UTC(2026, 0, 2, 3, 4, 5) * 1000;

test('every form that services write means the same instant', () => {
  for (const text of [
    '2026-01-02 03:04:05',
    '2026-01-02T03:04:05',
    '2026-01-02T03:04:05Z',
    '2026-01-02T03:04:05.000000',
    '2026-01-02 03:04:05.0Z',
    '2026-01-02T03:04:05+00:00',
    '2026-01-02T05:34:05+02:30',
    '2026-01-02T05:34:05+0230',
    '2026-01-02T01:04:05-02',
    '2026-01-02T03:04:5',
    '20260102T030405',
    '20260102T030405Z',
    '20260102 03:04:05.000',
    '2026-1-2T030405',
  ]) {
    assert.equal(tryParseTimestamp(text), INSTANT, text);
  }
});

test('less than a second, a minute or a day may be left out', () => {
  assert.equal(tryParseTimestamp('2026-01-02T03:04'), INSTANT - 5_000_000);
  assert.equal(tryParseTimestamp('2026-01-02T03'), Date.UTC(2026, 0, 2, 3) * 1000);
  assert.equal(tryParseTimestamp('2026-01-02T03+01:00'), Date.UTC(2026, 0, 2, 2) * 1000);
  assert.equal(tryParseTimestamp('2026-01-02'), Date.UTC(2026, 0, 2) * 1000);
  assert.equal(tryParseTimestamp('20260102'), Date.UTC(2026, 0, 2) * 1000);
  assert.equal(tryParseTimestamp('2026-02'), Date.UTC(2026, 1, 1) * 1000);
  assert.equal(tryParseTimestamp('2026'), Date.UTC(2026, 0, 1) * 1000);
});

test('a fraction of any length is cut to microseconds, after a dot or a comma', () => {
  for (const [fraction, micros] of Object.entries({
    '.1': 100_000,
    '.000006': 6,
    '.0000069': 6,
    '.123456789012345': 123_456,
    ',25': 250_000,
    '.999999999': 999_999,
  })) {
    assert.equal(tryParseTimestamp(`2026-01-02 03:04:05${fraction}`), INSTANT + micros, fraction);
    assert.equal(tryParseTimestamp(`2026-01-02T03:04:05${fraction}Z`), INSTANT + micros, fraction);
    assert.equal(tryParseTimestamp(`2026-01-02T03:04:05${fraction}+0000`), INSTANT + micros, fraction);
  }
});

test('what is no timestamp gives undefined', () => {
  for (const text of [
    ...[
      '',
      ' ',
      'None',
      'now',
      '202601',
      '2026-13-01',
      '2026-00-01',
      '2026-02-29',
      '2023-02-29',
      '1900-02-29',
    ],
    ...['2026-04-31', '2026-01-00', '2026-01-32', '0000-01-01', '2026-01-02T24:00:00', '2026-01-02T03:60:00'],
    ...['2026-01-02T03:04:60', '2026-01-02t03:04:05', '2026-01-02T03:04:05z', '2026-01-02  03:04:05'],
    ...[
      '2026-01-02T03:04:05.',
      '2026-01-02T03:04:05.Z',
      '2026-01-02T03:04:05+1:00',
      '2026-01-02T03:04:05+24:00',
    ],
    ...[
      '2026-01-02T03:04:05 +00:00',
      '2026-01-02T03:04:05+00:00x',
      '2026-01-02T03:04:05\n',
      ' 2026-01-02 03:04:05',
    ],
    ...[
      '2026-01-02T03:04:0x',
      '2026-01-0xT03:04:05',
      '２026-01-02 03:04:05',
      '1767323045',
      '-026-01-02 03:04:05',
    ],
    ...['0001-01-01T00:00:00+00:01', '9999-12-31T23:59:59-00:01', '2026-01-02T03.5'],
  ]) {
    assert.equal(tryParseTimestamp(text), undefined, JSON.stringify(text));
    assert.equal(toZonedText(text), undefined, JSON.stringify(text));
  }
});

test('leap years follow the Gregorian rule', () => {
  for (const text of ['2000-02-29', '2024-02-29', '0004-02-29', '2400-02-29']) {
    assert.equal(formatUtc(tryParseTimestamp(text) ?? Number.NaN), `${text}T00:00:00`);
  }
});

test('the whole range of years is exact to the second, and to the microsecond from 1685 to 2254', () => {
  for (const [text, printed] of Object.entries({
    '0001-01-01 00:00:00': '0001-01-01T00:00:00',
    '9999-12-31 23:59:59': '9999-12-31T23:59:59',
    '9999-12-31 23:59:59.999999': '9999-12-31T23:59:59.999968',
    '1685-01-01 00:00:00.000001': '1685-01-01T00:00:00.000001',
    '2254-12-31 23:59:59.999999': '2254-12-31T23:59:59.999999',
    '1969-12-31 23:59:59.999999': '1969-12-31T23:59:59.999999',
  })) {
    assert.equal(formatUtc(tryParseTimestamp(text) ?? Number.NaN), printed);
  }
  assert.equal(Number.isSafeInteger(tryParseTimestamp('2254-12-31 00:00:00.000001')), true);
});

test('text in UTC has a fraction only when it is not zero', () => {
  assert.equal(formatUtc(INSTANT), '2026-01-02T03:04:05');
  assert.equal(formatUtc(INSTANT + 6), '2026-01-02T03:04:05.000006');
  assert.equal(formatUtc(0), '1970-01-01T00:00:00');
  for (const micros of [Number.NaN, Number.POSITIVE_INFINITY, 0.5, 253_402_300_800e6, -62_135_596_801e6]) {
    assert.throws(() => formatUtc(micros), RangeError, String(micros));
  }
});

test('zoned text keeps the offset it came with', () => {
  for (const [text, zoned] of Object.entries({
    '2026-01-02 03:04:05': '2026-01-02T03:04:05+00:00',
    '2026-01-02 03:04:05.000006': '2026-01-02T03:04:05.000006+00:00',
    '2026-01-02 03:04:05.000000': '2026-01-02T03:04:05+00:00',
    '2026-01-02T03:04:05Z': '2026-01-02T03:04:05+00:00',
    '2026-01-02T03:04:05+02:00': '2026-01-02T03:04:05+02:00',
    '2026-01-02T03:04:05.5-0330': '2026-01-02T03:04:05.500000-03:30',
    '2026-01-02T03:04:05-00:30': '2026-01-02T03:04:05-00:30',
    '2026-01-02T03+01:00': '2026-01-02T03:00:00+01:00',
    '2026-01-02T03:04:5Z': '2026-01-02T03:04:05+00:00',
    '2026-01-02T03:04+01': '2026-01-02T03:04:00+01:00',
    '20260102': '2026-01-02T00:00:00+00:00',
  })) {
    assert.equal(toZonedText(text), zoned, text);
  }
});

const micros = fc.oneof(
  fc.integer({ min: -8_993_000_000_000_000, max: 8_993_000_000_000_000 }),
  fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }).map((second) => second * 1_000_000),
);

test('parsing what was formatted gives the same instant, in every form', () => {
  fc.assert(
    fc.property(micros, fc.integer({ min: -1439, max: 1439 }), (instant, minutes) => {
      const text = formatUtc(instant);
      assert.equal(tryParseTimestamp(text), instant);
      assert.equal(tryParseTimestamp(text.replace('T', ' ')), instant);
      assert.equal(tryParseTimestamp(`${text}Z`), instant);
      assert.equal(tryParseTimestamp(text.replaceAll('-', '').replaceAll(':', '')), instant);
      assert.equal(tryParseTimestamp(toZonedText(text) ?? ''), instant);
      const zone = `${String(Math.floor(Math.abs(minutes) / 60)).padStart(2, '0')}:${String(Math.abs(minutes) % 60).padStart(2, '0')}`;
      const shifted = tryParseTimestamp(`${text}${minutes < 0 ? '-' : '+'}${zone}`);
      if (shifted !== undefined) assert.equal(shifted, instant - minutes * 60_000_000);
    }),
    { numRuns: 2000 },
  );
});

test('formatting agrees with Date to the millisecond', () => {
  fc.assert(
    fc.property(fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }), (second) => {
      assert.equal(`${formatUtc(second * 1_000_000)}.000Z`, new Date(second * 1000).toISOString());
    }),
    { numRuns: 2000 },
  );
});

test('any text gives an instant or undefined and never throws', () => {
  const likely = fc
    .array(fc.constantFrom(...'0123456789-:T .,Z+'), { maxLength: 30 })
    .map((letters) => letters.join(''));
  fc.assert(
    fc.property(fc.oneof(fc.string(), likely), (text) => {
      const instant = tryParseTimestamp(text);
      assert.equal(toZonedText(text) === undefined, instant === undefined);
      if (instant !== undefined) assert.equal(tryParseTimestamp(formatUtc(instant)), instant);
    }),
    { numRuns: 2000 },
  );
});
