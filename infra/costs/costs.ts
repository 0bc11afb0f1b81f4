import host from '../../host.json' with { type: 'json' };
import alerts from '../azure/alerts.json' with { type: 'json' };
import sizes from '../azure/sizes.json' with { type: 'json' };
import priceList from '../prices.json' with { type: 'json' };
import topology from '../topology.json' with { type: 'json' };
import quantities from './quantities.json' with { type: 'json' };

/** USD by what is paid for. */
export type Cost = Readonly<Record<'compute' | 'executions' | 'tables' | 'logs' | 'fixed', number>>;

const { free, prices } = priceList;
const MILLION = 1_000_000;
const HOURS_OF_MONTH = 730;
/** An instance that is active at all is billed for a second. */
const LEAST_SECONDS = 1;
const requestsKeptPerSecond = host.logging.applicationInsights.samplingSettings.maxTelemetryItemsPerSecond;

/** An alert for each value of a dimension watches one series for each queue. `dev` has no Redis. */
const metricSeries = alerts.metrics
  .filter(({ target }) => target !== 'redis')
  .map(({ perValueOf }) => (perValueOf.length === 0 ? 1 : topology.agents.length + topology.queues.length))
  .reduce((sum, count) => sum + count, 0);

const gigabytes = sizes.dev.instanceMemoryMB / 1_024;

/** What a million tool calls cost at a rate, with one instance of the mcp app. The free grants are not taken off. */
export function millionToolCalls(load: keyof typeof quantities.toolCall, perSecond: number): Cost {
  const { tableRequests, logBytes } = quantities.toolCall[load];
  const seconds = MILLION * Math.min(LEAST_SECONDS, 1 / perSecond);
  const keptRequests = MILLION * Math.min(1, requestsKeptPerSecond / perSecond);
  return {
    compute: computeOf(seconds),
    executions: executionsOf(MILLION),
    tables: tablesOf(tableRequests * MILLION),
    logs: logsOf(
      (logBytes + quantities.logLineAddsBytes) * MILLION + quantities.requestRecordBytes * keptRequests,
    ),
    fixed: 0,
  };
}

/** What 100,000 delegations cost that come one at a time: the most that they can. Their messages are within what is free. */
export function hundredThousandDelegations(): Cost {
  const delegations = 100_000;
  const { tableRequests, logBytes, logLines } = quantities.delegation;
  // The request that asks for it, and the run of the agent.
  const executions = delegations * 2;
  return {
    compute: computeOf(executions * LEAST_SECONDS),
    executions: executionsOf(executions),
    tables: tablesOf(tableRequests * delegations),
    logs: logsOf(
      (logBytes + logLines * quantities.logLineAddsBytes + 2 * quantities.requestRecordBytes) * delegations,
    ),
    fixed: 0,
  };
}

/** What a month costs in which nobody calls: timers, health checks, the base price of Service Bus, alerts. Without Redis. */
export function idleMonth(): Cost {
  const { tableRequests, logBytes, logLines, delegations } = quantities.idleHour;
  const executions = (quantities.timerRunsOfHour + delegations) * HOURS_OF_MONTH;
  const chargedSeconds = Math.max(0, executions * LEAST_SECONDS - free.functionsGbSeconds / gigabytes);
  return {
    compute: computeOf(chargedSeconds),
    executions: executionsOf(Math.max(0, executions - free.functionsExecutions)),
    tables: tablesOf(tableRequests * HOURS_OF_MONTH),
    logs: logsOf(
      (logBytes + logLines * quantities.logLineAddsBytes) * HOURS_OF_MONTH +
        executions * quantities.requestRecordBytes,
    ),
    fixed:
      prices.serviceBusStandardMonth.usd +
      metricSeries * prices.metricAlertMonth.usd +
      (alerts.logEvents.length + alerts.workspace.length) * prices.queryAlertMonth.usd,
  };
}

const computeOf = (seconds: number): number => seconds * gigabytes * prices.functionsGbSecond.usd;
const executionsOf = (count: number): number => (count / MILLION) * prices.functionsMillionExecutions.usd;
const tablesOf = (requests: number): number => (requests / 10_000) * prices.tableTenThousandOperations.usd;
const logsOf = (bytes: number): number => (bytes / 1e9) * prices.logGigabyte.usd;
