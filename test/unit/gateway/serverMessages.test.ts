import { describe, expect, test } from 'vitest';
import { readServerMessages } from '../../../shared/gateway/protocol/serverMessages.ts';
import { createRequestIds } from '../../../shared/gateway/upstream/requestIds.ts';

const rpc = (message: object) => ({ jsonrpc: '2.0', ...message });

describe('a message of a server', () => {
  test.each([
    {
      why: 'a notification with a null id',
      message: rpc({ id: null, method: 'notifications/x', params: { a: 1 } }),
      read: { kind: 'notification', notification: { method: 'notifications/x', params: { a: 1 } } },
    },
    {
      why: 'a notification with null params',
      message: rpc({ method: 'notifications/x', params: null }),
      read: { kind: 'notification', notification: { method: 'notifications/x' } },
    },
    {
      why: 'a request with null params',
      message: rpc({ id: 1, method: 'ping', params: null }),
      read: { kind: 'request', request: { id: 1, method: 'ping' } },
    },
    {
      why: 'a null result',
      message: rpc({ id: 1, result: null }),
      read: { kind: 'response', id: 1, outcome: { result: {} } },
    },
    {
      why: 'a null error beside a result',
      message: rpc({ id: 1, result: { a: 1 }, error: null }),
      read: { kind: 'response', id: 1, outcome: { result: { a: 1 } } },
    },
    {
      why: 'a null result beside an error',
      message: rpc({ id: 1, result: null, error: { code: -1, message: 'm' } }),
      read: { kind: 'response', id: 1, outcome: { error: { code: -1, message: 'm' } } },
    },
    {
      why: 'both null',
      message: rpc({ id: 1, result: null, error: null }),
      read: { kind: 'response', id: 1, outcome: { result: {} } },
    },
    {
      why: 'an error with a null id',
      message: rpc({ id: null, error: { code: -32700, message: 'm' } }),
      read: { kind: 'response', id: null, outcome: { error: { code: -32700, message: 'm' } } },
    },
    {
      why: 'an error without an id',
      message: rpc({ error: { code: -32700, message: 'm' } }),
      read: { kind: 'response', id: null, outcome: { error: { code: -32700 } } },
    },
    {
      why: 'an error that is a text',
      message: rpc({ id: 1, error: 'out of stock' }),
      read: { kind: 'response', outcome: { error: { code: -32603, message: 'out of stock' } } },
    },
    {
      why: 'an error whose code is a text, without a message',
      message: rpc({ id: 1, error: { code: '-32000', data: { a: 1 } } }),
      read: {
        kind: 'response',
        outcome: { error: { code: -32000, message: 'The server gave no message.', data: { a: 1 } } },
      },
    },
  ])('is read with $why', ({ message, read }) => {
    expect(readServerMessages(message)).toMatchObject([read]);
  });

  test.each([
    { why: 'a heartbeat', message: { type: 'heartbeat' } },
    { why: 'another version', message: { jsonrpc: '1.0', id: 1, result: {} } },
    { why: 'a result without an id', message: rpc({ result: {} }) },
    { why: 'a result with a null id', message: rpc({ id: null, result: {} }) },
    { why: 'a result that is a text', message: rpc({ id: 1, result: 'x' }) },
    { why: 'a method that is null', message: rpc({ id: 1, method: null }) },
    { why: 'params that are a list', message: rpc({ method: 'x', params: [] }) },
    { why: 'an error that is a number', message: rpc({ id: 1, error: 5 }) },
    { why: 'a text', message: 'ping' },
    { why: 'null', message: null },
  ])('is malformed when it is $why', ({ message }) => {
    expect(readServerMessages(message)).toMatchObject([{ kind: 'malformed' }]);
  });

  test('may be one of a batch', () => {
    const batch = [rpc({ method: 'notifications/x' }), 5, rpc({ id: 1, result: {} })];
    expect(readServerMessages(batch).map(({ kind }) => kind)).toEqual([
      'notification',
      'malformed',
      'response',
    ]);
    expect(readServerMessages([])).toEqual([]);
  });
});

describe('ids of requests', () => {
  test('are positive integers of 31 bits that do not repeat', () => {
    for (const seed of ['', 'instance', '9b2f4a5e-0c1d-4e8f-a6b7-123456789abc']) {
      const nextId = createRequestIds(seed);
      const ids = Array.from({ length: 1_000 }, nextId);
      expect(new Set(ids).size).toBe(1_000);
      for (const id of ids) expect(Number.isInteger(id) && id > 0 && id < 2 ** 31).toBe(true);
    }
  });

  test('begin at 1 without a seed, and elsewhere for each seed', () => {
    expect(createRequestIds()()).toBe(1);
    expect(createRequestIds('a')()).not.toBe(createRequestIds('b')());
  });
});
