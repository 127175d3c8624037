import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { configOf } from '../../test/support/config.ts';
import { NephoscopeError } from '../component/errors.ts';
import { Secret } from '../config/option.ts';
import { readSigning } from './signing.ts';

const DEFAULT_SECRET = 'change this for valid signing';

suite('the signing options', () => {
  test('without a secret nothing is signed and nothing is checked, whatever was used before', () => {
    assert.deepEqual(readSigning(configOf({})), { secret: '', accepted: [], python2: false });
    const config = configOf({ 'publisher/previous_telemetry_secrets': [new Secret('old')] });
    assert.deepEqual(readSigning(config), { secret: '', accepted: [], python2: false });
  });

  test('the secret comes first among those accepted, and empty ones open nothing', () => {
    const config = configOf({
      'publisher/telemetry_secret': new Secret('new'),
      'publisher/previous_telemetry_secrets': ['old', '', 'new'].map((text) => new Secret(text)),
      'publisher/accept_python2_signatures': true,
    });
    assert.deepEqual(readSigning(config), { secret: 'new', accepted: ['new', 'old'], python2: true });
  });

  test('the published default secret is refused by name and place, as the secret and as an earlier one', () => {
    const configs = [
      configOf({ 'publisher/telemetry_secret': new Secret(DEFAULT_SECRET) }),
      configOf({
        'publisher/telemetry_secret': new Secret('new'),
        'publisher/previous_telemetry_secrets': [new Secret(DEFAULT_SECRET)],
      }),
    ];
    const errors = configs.map((config) => {
      try {
        return readSigning(config);
      } catch (thrown) {
        assert.ok(thrown instanceof NephoscopeError);
        return `${thrown.code} ${thrown.message}`;
      }
    });
    assert.deepEqual(errors, [
      'E5024 [publisher] telemetry_secret (test.conf:1) is what Ceilometer publishes as its default, so everyone can sign with it',
      'E5024 [publisher] previous_telemetry_secrets (test.conf:1) is what Ceilometer publishes as its default, so everyone can sign with it',
    ]);
  });

  test('a demonstration may use the published default secret', () => {
    const config = configOf({
      'publisher/telemetry_secret': new Secret(DEFAULT_SECRET),
      'DEFAULT/insecure_demo': true,
    });
    assert.deepEqual(readSigning(config), {
      secret: DEFAULT_SECRET,
      accepted: [DEFAULT_SECRET],
      python2: false,
    });
  });
});
