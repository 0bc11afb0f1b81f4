import { describe, expect, test } from 'vitest';
import { connectionOf } from '../../src/serviceBusConnection.ts';

const namespace = { SB__fullyQualifiedNamespace: 'bus.servicebus.windows.net' };
const clientId = '0f4c1e52-7a3b-4d6e-9c8f-1a2b3c4d5e6f';

describe('a connection', () => {
  test.each<[why: string, settings: Record<string, string>, connection: object]>([
    ['a connection string', { SB: 'Endpoint=sb://bus' }, { connectionString: 'Endpoint=sb://bus' }],
    ['its old name', { AzureWebJobsSB: 'Endpoint=sb://bus' }, { connectionString: 'Endpoint=sb://bus' }],
    [
      'a user-assigned identity',
      { ...namespace, SB__credential: 'managedidentity', SB__clientId: clientId },
      { fullyQualifiedNamespace: 'bus.servicebus.windows.net', clientId },
    ],
    [
      'the system-assigned identity: Azure reads the client id with the credential only',
      { ...namespace, SB__clientId: clientId },
      { fullyQualifiedNamespace: 'bus.servicebus.windows.net', clientId: undefined },
    ],
  ])('is read from the settings: %s', (_why, settings, connection) => {
    expect(connectionOf('SB', settings)).toEqual(connection);
  });

  test.each<[settings: Record<string, string>, message: string]>([
    [{}, 'its connection string, the setting SB, is missing'],
    [{ ...namespace, SB__credential: 'azurecli' }, 'SB__credential must be managedidentity here'],
  ])('of %j is refused', (settings, message) => {
    expect(() => connectionOf('SB', settings)).toThrow(message);
  });
});
