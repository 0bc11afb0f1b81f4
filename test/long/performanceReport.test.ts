import { afterAll, beforeAll, expect, test } from 'vitest';
import { portsFor } from '../../infra/local/defaults.ts';
import { appSettings } from '../../infra/local/settings.ts';
import type { AuditEvent } from '../../shared/audit/model/record.ts';
import { systemClock } from '../../shared/platform/base/clock.ts';
import { InfrastructureError } from '../../shared/platform/base/errors.ts';
import { readConfig } from '../../shared/platform/config/readConfig.ts';
import { openOutboundClient } from '../../shared/platform/outbound/outboundClient.ts';
import type { OpenedStateStore } from '../../shared/platform/state/openStateStore.ts';
import { azureTableProbe } from '../../shared/platform/tables/azureTableProbe.ts';
import { handlePerformanceDegradation } from '../../shared/specialists/mcp-performance-optimizer/degradation.ts';
import { generatePerformanceReport } from '../../shared/specialists/mcp-performance-optimizer/performanceReport.ts';
import { memoryState } from '../support/memoryState.ts';
import { serve, type Served } from '../support/serve.ts';
import { runTask } from '../support/taskRun.ts';

/** Takes every connection and answers nothing: tables, authority and both apps at once. */
let silent: Served;
const outbound = openOutboundClient('private_allowed');
beforeAll(async () => {
  silent = await serve(() => undefined);
});
afterAll(() => Promise.all([silent.close(), outbound.close()]));

const never = () => new Promise<never>(() => undefined);
const state = (set: OpenedStateStore['state']['set']): OpenedStateStore => ({
  kind: 'redis',
  state: { ...memoryState(), set },
  durable: memoryState(),
  purge: () => Promise.resolve(0),
  close: () => undefined,
});
const audited: AuditEvent[] = [];
const depsWith = (opened: OpenedStateStore) => {
  const origin = new URL(silent.url).origin;
  const settings = appSettings('management', portsFor(0));
  const config = readConfig({
    ...settings,
    MREG_TABLES: (settings['MREG_TABLES'] ?? '').replace(
      /TableEndpoint=http:\/\/[^/]+/,
      `TableEndpoint=${origin}`,
    ),
    MREG_PUBLIC_ORIGIN: origin,
    MREG_MANAGEMENT_ORIGIN: origin,
  });
  const audit = { append: (event: AuditEvent) => void audited.push(event) };
  const openTableProbe = (table: string) => azureTableProbe(config.tables, table);
  return { config, openTableProbe, authority: origin, outbound, clock: systemClock, state: opened, audit };
};

test('where everything hangs at once, the report names it all before its deadline', async () => {
  const startedAt = performance.now();
  const report = await runTask(
    [generatePerformanceReport(depsWith(state(never)))],
    'generate_performance_report',
  );
  expect(report).toMatchObject({
    success: true,
    result: {
      findings: [
        { rule: 'table_hangs', severity: 'critical' },
        { rule: 'redis_hangs', severity: 'critical' },
        { rule: 'keys_hang', severity: 'critical' },
        { rule: 'app_hangs', severity: 'critical', evidence: { app: 'management' } },
        { rule: 'app_hangs', severity: 'critical', evidence: { app: 'mcp' } },
        { rule: 'session_without_token', severity: 'info' },
      ],
    },
  });
  expect(performance.now() - startedAt).toBeLessThan(30_000);
}, 60_000);

test('an event is recorded with what is still wrong, also where the store of the sessions is away and it tells nonsense', async () => {
  const away = () => Promise.reject(new InfrastructureError('redis', 'get', new Error('x')));
  const event = {
    eventId: 'e1',
    type: 'performance_degradation',
    detail: { subject: 7, durationMs: 'long', stages: { admission: 'x' } },
    raisedBy: 'somebody',
    raisedAt: new Date().toISOString(),
  };
  const outcome = await runTask(
    [handlePerformanceDegradation(depsWith(state(away)))],
    'handle_performance_degradation',
    event,
    { token: away },
  );
  expect(outcome).toMatchObject({
    success: true,
    result: {
      recorded: true,
      persists: true,
      summary: expect.stringMatching(/^unnamed was slow; .* Still wrong: .*redis_unreachable/) as string,
    },
  });
  expect(audited.map(({ action, resource, outcome: came }) => [action, resource, came])).toEqual([
    ['events.performance_degradation', 'events/e1', 'succeeded'],
    ...['table_hangs', 'redis_unreachable', 'keys_hang', 'app_hangs', 'app_hangs'].map((rule) => [
      `findings.${rule}`,
      'events/e1',
      'not_passed',
    ]),
  ]);
}, 60_000);
