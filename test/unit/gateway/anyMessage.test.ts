import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMcpEndpoint } from '../../../shared/gateway/endpoint.ts';
import { systemClock } from '../../../shared/platform/clock.ts';
import { randomId } from '../../../shared/platform/ids.ts';
import type { OutboundClient } from '../../../shared/platform/outbound.ts';
import { fail } from '../../../shared/platform/result.ts';
import { continueTrace } from '../../../shared/platform/trace.ts';
import { azureTableServerStore } from '../../../shared/registry/azureTableServerStore.ts';
import { MODERN, principal, recordingLog, unheardAudit } from '../../support/gateway.ts';
import { memoryTables } from '../../support/memoryTables.ts';

const outbound: OutboundClient = {
  request: () => Promise.resolve(fail({ kind: 'unavailable', message: 'connection refused' })),
  close: () => Promise.resolve(),
};

const meta = fc.record(
  {
    'io.modelcontextprotocol/protocolVersion': fc.constantFrom<unknown>(MODERN, '2025-11-25', 'x', 1),
    'io.modelcontextprotocol/clientCapabilities': fc.constantFrom<unknown>({}, [], 1),
    progressToken: fc.jsonValue(),
  },
  { requiredKeys: [] },
);
/** Close to a message, but for anything that may be wrong with one. */
const message = fc.oneof(
  fc.jsonValue(),
  fc.record(
    {
      jsonrpc: fc.constantFrom<unknown>('2.0', '1.0', 2),
      id: fc.oneof(fc.integer(), fc.string(), fc.jsonValue()),
      method: fc.oneof(
        fc.constantFrom('initialize', 'ping', 'tools/list', 'tools/call', 'server/discover', '__proto__'),
        fc.jsonValue(),
      ),
      params: fc.oneof(
        fc.record(
          {
            name: fc.oneof(fc.constant('a__b'), fc.jsonValue()),
            arguments: fc.jsonValue(),
            _meta: fc.oneof(meta, fc.jsonValue()),
          },
          { requiredKeys: [] },
        ),
        fc.jsonValue(),
      ),
    },
    { requiredKeys: [] },
  ),
);
const header = fc.oneof(
  fc.constantFrom(MODERN, '2025-11-25', 'tools/list', 'tools/call', 'a__b', '=?base64?!?='),
  fc.stringMatching(/^[ -~]*$/),
);
const headers = fc.dictionary(
  fc.constantFrom('mcp-protocol-version', 'mcp-method', 'mcp-name', 'mcp-param-x', 'traceparent', 'accept'),
  header,
);

test('whatever is posted gets one answer that the protocol knows, and is no fault of ours', async () => {
  const servers = azureTableServerStore(memoryTables());
  const log = recordingLog();
  const endpoint = createMcpEndpoint({
    servers,
    outbound,
    clock: systemClock,
    newId: randomId,
    log,
    audit: unheardAudit,
  });
  await fc.assert(
    fc.asyncProperty(message, headers, async (message, headers) => {
      const response = await endpoint({
        headers: new Headers(headers),
        message,
        principal: principal(),
        trace: continueTrace(undefined),
        signal: new AbortController().signal,
      });
      const text = await response.text();
      if (response.status === 202) {
        expect(text).toBe('');
        return;
      }
      expect([200, 400, 404]).toContain(response.status);
      const answer = JSON.parse(text) as Record<string, unknown>;
      expect(answer['jsonrpc']).toBe('2.0');
      expect(answer).toHaveProperty('id');
      expect('result' in answer).not.toBe('error' in answer);
    }),
    { numRuns: 3_000 },
  );
  expect(log.lines).toEqual([]);
  expect(({} as { admin?: unknown }).admin).toBeUndefined();
});
