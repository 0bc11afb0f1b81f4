import { describe, expect, test } from 'vitest';
import {
  driftFindings,
  matrixRow,
  type Presented,
  rowFindings,
} from '../../../shared/specialists/mcp-protocol-expert/capabilityNegotiation.ts';
import {
  sizeFindings,
  type Sizes,
} from '../../../shared/specialists/mcp-protocol-expert/jsonRpcOptimization.ts';
import {
  type TransportFacts,
  transportFindings,
} from '../../../shared/specialists/mcp-protocol-expert/transportTuning.ts';

const now = new Date('2026-11-01T00:00:00Z');
const sound: TransportFacts = {
  slug: 's',
  secure: true,
  local: false,
  tls: { protocol: 'TLSv1.3', cipher: 'a', alpn: 'h2', certificateEnds: 'Jan  1 00:00:00 2027 GMT' },
  requests: 10,
  connections: 1,
  keepAlive: { closes: false, seconds: 60 },
  firstRequestMs: 40,
  firstByteMs: { median: 20, slowest: 50 },
  form: 'json',
  stream: { offered: true, firstByteMs: 20, unbuffered: true },
  list: { bytes: 4_000, encodesUnasked: false },
};

describe('the transport of a server', () => {
  test('that is sound has no finding', () => {
    expect(transportFindings(sound, now)).toEqual([]);
  });

  test.each<[string, Partial<TransportFacts>]>([
    ['connection_is_not_kept', { connections: 9 }],
    ['connection_is_kept_briefly', { keepAlive: { closes: false, seconds: 5 } }],
    ['answers_are_slow', { firstByteMs: { median: 1_500, slowest: 2_000 } }],
    ['stream_starts_late', { stream: { offered: true, firstByteMs: 3_000, unbuffered: true } }],
    ['stream_may_be_buffered', { stream: { offered: true, firstByteMs: 30, unbuffered: false } }],
    ['answers_are_encoded_unasked', { list: { bytes: 1, encodesUnasked: true } }],
    ['transport_is_plain', { secure: false }],
    [
      'certificate_ends_soon',
      { tls: { protocol: 'TLSv1.3', cipher: 'a', alpn: '', certificateEnds: 'Nov 10 00:00:00 2026 GMT' } },
    ],
    [
      'tls_is_old',
      { tls: { protocol: 'TLSv1.1', cipher: 'a', alpn: '', certificateEnds: 'Jan  1 00:00:00 2027 GMT' } },
    ],
  ])('has the finding %s', (rule, change) => {
    expect(transportFindings({ ...sound, ...change }, now)).toMatchObject([
      { rule, evidence: { server: 's' } },
    ]);
  });

  test('by http is no finding on the machine of the gateway itself', () => {
    expect(transportFindings({ ...sound, secure: false, local: true }, now)).toEqual([]);
  });
});

const list = {
  method: 'tools/list',
  pages: 1,
  items: 20,
  bytes: 9_000,
  looseBytes: 0,
  largestPage: 9_000,
  complete: true,
};
const small: Sizes = {
  slug: 's',
  lists: [list],
  toolTokens: 2_000,
  instructionTokens: 10,
  largestTools: [],
  repeatedDescriptions: [],
};

describe('the lists of a server', () => {
  test('that are small have no finding', () => {
    expect(sizeFindings(small)).toEqual([]);
  });

  test.each<[string, Partial<Sizes>]>([
    ['catalogue_is_large', { toolTokens: 12_000 }],
    ['page_is_large', { lists: [{ ...list, bytes: 400_000, largestPage: 400_000 }] }],
    ['pages_are_small', { lists: [{ ...list, pages: 8 }] }],
    ['json_is_loose', { lists: [{ ...list, looseBytes: 3_000 }] }],
  ])('have the finding %s', (rule, change) => {
    expect(sizeFindings({ ...small, ...change })).toMatchObject([{ rule }]);
  });
});

const presented: Presented = {
  era: 'legacy',
  protocolVersion: '2025-11-25',
  capabilities: { tools: {} },
  tools: [],
};

describe('the capabilities of a server', () => {
  test('tasks reach nobody, and other extensions reach clients of both eras', () => {
    const extensions = { 'com.example/a': {}, 'io.modelcontextprotocol/tasks': {} };
    const { features } = matrixRow('s', { ...presented, capabilities: { tasks: {}, extensions } });
    expect(features).toMatchObject([
      { feature: 'tasks', legacy: false, modern: false },
      { feature: 'extension com.example/a', legacy: true, modern: true },
      { feature: 'extension io.modelcontextprotocol/tasks', legacy: false, modern: false },
      { feature: 'questions to clients' },
    ]);
    expect(rowFindings(matrixRow('s', { ...presented, capabilities: { tasks: {} } }))).toMatchObject([
      { rule: 'capability_is_not_carried', severity: 'info' },
    ]);
  });

  test('a server of the old transport asks nobody', () => {
    const { features } = matrixRow('s', { ...presented, transport: 'sse' });
    expect(features.at(-1)).toMatchObject({ legacy: false, modern: false });
  });

  test.each<[Partial<Presented>, string]>([
    [{ era: 'modern' }, 'era'],
    [{ protocolVersion: '2025-06-18' }, 'version'],
    [{ capabilities: { prompts: {} } }, 'capabilities'],
  ])('that differ from the registry are a finding: %j', (change, what) => {
    const [finding] = driftFindings('s', presented, { ...presented, ...change });
    expect(finding?.evidence).toHaveProperty(what);
    expect(driftFindings('s', presented, presented)).toEqual([]);
  });
});
