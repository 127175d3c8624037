import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { inspect } from 'node:util';
import { configOf } from '../../test/support/config.ts';
import { Secret } from '../config/option.ts';
import { readServiceAccess } from './credentials.ts';

const LOGIN = {
  'service_credentials/auth_type': 'password',
  'service_credentials/auth_url': 'https://keystone/',
  'service_credentials/username': 'me',
  'service_credentials/password': new Secret('s3cret'),
  'service_credentials/user_domain_id': 'default',
};

function read(values: Readonly<Record<string, unknown>>) {
  return readServiceAccess(configOf(values), 'gnocchi');
}

suite('credentials for OpenStack services', () => {
  test('a publisher uses [service_credentials] unless its own group says otherwise', () => {
    const own = {
      ...LOGIN,
      'gnocchi/auth_section': 'gnocchi',
      'gnocchi/auth_type': 'gnocchi-basic',
      'gnocchi/endpoint': 'http://gnocchi:8041/',
      'gnocchi/region_name': 'two',
      'gnocchi/timeout': 3,
      'service_credentials/region_name': 'one',
    };
    const { credentials, region, timeoutMillis } = read(own);
    assert.equal(credentials.kind === 'fixed' && credentials.endpoint, 'http://gnocchi:8041');
    assert.deepEqual([region, timeoutMillis], ['two', 3000]);
    const shared = read({ ...own, 'gnocchi/auth_section': 'service_credentials' });
    assert.deepEqual(
      [shared.credentials.kind, shared.region, shared.timeoutMillis],
      ['keystone', 'one', null],
    );
  });

  test('a section may leave the login to another one and keep the rest', () => {
    const { credentials, region } = readServiceAccess(
      configOf({
        ...LOGIN,
        'zaqar/auth_section': 'gnocchi',
        'gnocchi/auth_section': 'service_credentials',
        'gnocchi/region_name': 'two',
      }),
      'zaqar',
    );
    assert.deepEqual([credentials.kind, region], ['keystone', 'two']);
  });

  test('Keystone is asked below /v3, whatever the address ends with', () => {
    for (const url of ['https://k/id', 'https://k/id/', 'https://k/id/v3', 'https://k/id/v2.0/']) {
      const { credentials } = read({ ...LOGIN, 'service_credentials/auth_url': url });
      assert.equal(credentials.kind === 'keystone' && credentials.authUrl, 'https://k/id/v3');
    }
  });

  test('logins without Keystone are headers, as the plug-ins of gnocchiclient send them', () => {
    const headersOf = (values: Readonly<Record<string, unknown>>): Record<string, string> => {
      const entries = Object.entries({ endpoint: 'http://g:8041', ...values });
      const { credentials } = read(
        Object.fromEntries(entries.map(([key, value]) => [`service_credentials/${key}`, value])),
      );
      assert.ok(credentials.kind === 'fixed');
      return Object.fromEntries(
        Object.entries(credentials.headers).map(([name, one]) => [name, one.reveal()]),
      );
    };
    const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
    assert.deepEqual(headersOf({ auth_type: 'none' }), {});
    assert.deepEqual(headersOf({ auth_type: 'gnocchi-basic' }), basic('admin:'));
    assert.deepEqual(headersOf({ auth_type: 'gnocchi-basic', user: 'me' }), basic('me:'));
    assert.deepEqual(headersOf({ auth_type: 'gnocchi-noauth', user_id: 'u', project_id: 'p' }), {
      'x-user-id': 'u',
      'x-project-id': 'p',
      'x-roles': 'admin',
    });
    const password = { username: 'u', password: new Secret('ö') };
    assert.deepEqual(headersOf({ auth_type: 'http_basic', ...password }), basic('u:ö'));
  });

  test('what is missing is named', () => {
    const cases: readonly (readonly [Readonly<Record<string, unknown>>, string])[] = [
      [{ 'service_credentials/auth_type': null }, '[service_credentials] does not set auth_type'],
      [{ 'service_credentials/auth_url': null }, '[service_credentials] does not set auth_url'],
      [
        { 'service_credentials/auth_url': 'ftp://x' },
        '[service_credentials] sets auth_url to something that is no http:// or https:// address',
      ],
      [{ 'service_credentials/username': '' }, '[service_credentials] sets neither username nor user_id'],
      [{ 'service_credentials/password': null }, '[service_credentials] does not set password'],
      [
        { 'service_credentials/user_domain_id': null },
        '[service_credentials] sets username without user_domain_name or user_domain_id',
      ],
      [
        { 'service_credentials/project_name': 'p' },
        '[service_credentials] sets project_name without project_domain_name or project_domain_id',
      ],
      [
        { 'service_credentials/auth_type': 'v3applicationcredential' },
        '[service_credentials] sets neither application_credential_id nor application_credential_name',
      ],
      [{ 'service_credentials/auth_type': 'v3token' }, '[service_credentials] does not set token'],
      [{ 'service_credentials/auth_type': 'none' }, '[service_credentials] does not set endpoint'],
    ];
    for (const [values, message] of cases) {
      assert.throws(() => read({ ...LOGIN, ...values }), { code: 'E8030', retry: 'permanent', message });
    }
  });

  test('no way of printing shows a secret', () => {
    const access = read({ ...LOGIN, 'service_credentials/project_id': 'p' });
    assert.doesNotMatch(
      inspect(access, { depth: null, showHidden: true }) + JSON.stringify(access),
      /s3cret/,
    );
  });
});
