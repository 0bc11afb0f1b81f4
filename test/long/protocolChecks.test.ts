import { afterAll, describe, expect, test } from 'vitest';
import { startLegacyServer } from '../../infra/local/demo/legacyServer.ts';
import { startModernServer } from '../../infra/local/demo/modernServer.ts';
import { openOutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import type { Era } from '../../shared/registry/records/era.ts';
import { checks, judge } from '../../shared/specialists/mcp-protocol-expert/checks/table.ts';
import { recordTranscript } from '../../shared/specialists/mcp-protocol-expert/transcript/record.ts';
import { startFeatureServer } from '../support/features/featureServer.ts';
import { startGateway } from '../support/gateway.ts';
import type { Breakage } from '../support/protocol/breakages.ts';
import { breakages } from '../support/protocol/breakageTable.ts';
import { type ProtocolServerOptions, startProtocolServer } from '../support/protocol/protocolServer.ts';

const outbound = openOutboundClient('private_allowed');
afterAll(() => outbound.close());

async function judged(url: string, era: Era) {
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const signal = AbortSignal.timeout(60_000);
  const recorded = await recordTranscript({ url, era, scope: 'thorough', traceId, signal }, outbound);
  if (!recorded.ok) throw new Error(recorded.error.message);
  const all = await judge(recorded.value);
  const of = (outcome: string) => all.filter(({ judgement }) => judgement.outcome === outcome);
  return {
    transcript: recorded.value,
    passed: of('passed').map(({ check }) => check.id),
    failed: of('failed').map(({ check }) => check.id),
    critical: of('failed')
      .filter(({ check }) => check.severity === 'critical')
      .map(({ check, judgement }) => [check.id, judgement]),
  };
}

async function judgeProtocolServer(options: ProtocolServerOptions) {
  const server = await startProtocolServer(options);
  try {
    return { ...(await judged(server.url, options.era)), received: server.received };
  } finally {
    await server.close();
  }
}

describe('a server that keeps the protocol', () => {
  test.each([
    { era: 'legacy', form: 'json' },
    { era: 'legacy', form: 'events' },
    { era: 'modern', form: 'json' },
    { era: 'modern', form: 'events' },
  ] as const)('passes every check that applies: $era, $form', async (options) => {
    const { failed, transcript } = await judgeProtocolServer(options);
    expect(failed).toEqual([]);
    expect(transcript).toMatchObject({ era: options.era, interrupted: undefined });
  });

  test.each([
    ['2025 demo on the official SDK', () => startLegacyServer({ port: 0 }), 'legacy'],
    ['2026 demo on the official SDK', () => startModernServer({ port: 0 }), 'modern'],
    ['features of both eras', () => startFeatureServer('both'), 'modern'],
    ['features of 2025', () => startFeatureServer('legacy'), 'legacy'],
    ['features of 2026', () => startFeatureServer('modern'), 'modern'],
  ] as const)('has no critical finding: %s', async (_name, start, era) => {
    const server = await start();
    const { critical } = await judged(server.url, era);
    await server.close();
    expect(critical).toEqual([]);
  });

  test.each(['legacy', 'modern'] as const)(
    'has no critical finding: the gateway itself to %s clients',
    async (era) => {
      const server = await startProtocolServer({ era: 'modern' });
      const gateway = await startGateway();
      await gateway.register('stock', server.url);
      const { critical, transcript } = await judged(gateway.urlOf('stock'), era);
      await gateway.close();
      await server.close();
      expect(critical).toEqual([]);
      expect(transcript.era).toBe(era);
    },
  );
});

test('no tool that exists is called, and every session is ended', async () => {
  for (const era of ['legacy', 'modern'] as const) {
    const { received } = await judgeProtocolServer({ era });
    const called = received.flatMap(({ rpc, message }) =>
      rpc === 'tools/call' ? [(message?.['params'] as { name: string }).name] : [],
    );
    expect(new Set(called)).toEqual(new Set(['mreg-check-none']));
    const count = (method: string, rpc = '') =>
      received.filter((one) => one.method === method && one.rpc === rpc).length;
    if (era === 'legacy') expect(count('DELETE')).toBe(count('POST', 'initialize'));
  }
});

describe('a server that breaks the protocol', () => {
  test.each(breakages)(
    'fails $check and no other check: $why ($era)',
    async ({ check, also = [], ...options }: Breakage) => {
      const { failed } = await judgeProtocolServer(options);
      expect(failed.toSorted()).toEqual([check, ...also].toSorted());
    },
  );

  test('every check is seen failing, in each era that has it', () => {
    const shown = new Set(breakages.map(({ check, era }) => `${check} ${era}`));
    const missing = checks.flatMap(({ id, spec }) =>
      Object.keys(spec).flatMap((era) => (shown.has(`${id} ${era}`) ? [] : [`${id} ${era}`])),
    );
    expect(missing).toEqual([]);
  });
});
