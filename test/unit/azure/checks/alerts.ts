import { readFileSync } from 'node:fs';
import { at, leafOf, ofType, plainName, type Snapshot } from '../snapshot.ts';
import { differences } from './topology.ts';

const read = (path: string): string => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');

/** The headings of the alerts in the guide for operators. */
export const alertHeadings = (): string[] => {
  const [, section = ''] = read('docs/operate.md').split(/^## Alerts$/m);
  return [...(section.split(/^## /m)[0] ?? '').matchAll(/^### (.+)$/gm)].map(([, name = '']) => name);
};

/** The closed list of log events. */
export const logEvents = (): string[] => {
  const [list = ''] = /type LogEvent =[^;]*;/.exec(read('shared/platform/telemetry/log.ts')) ?? [];
  return [...list.matchAll(/'(\w+)'/g)].map(([, event = '']) => event);
};

const alertTypes = ['metricAlerts', 'scheduledQueryRules', 'activityLogAlerts'];
const alertsOf = (snapshot: Snapshot) =>
  alertTypes.flatMap((type) => ofType(snapshot, `Microsoft.Insights/${type}`));

/** Each alert has a heading that says what it means and what to do, and somebody who gets it. */
export function checkAlerts(snapshot: Snapshot): string[] {
  const names = alertsOf(snapshot).map((alert) => plainName(snapshot, alert.name));
  const hasRedis = ofType(snapshot, 'Microsoft.Cache/redisEnterprise').length > 0;
  const headings = alertHeadings().filter((name) => hasRedis || name !== 'redis-memory');
  return [
    ...differences('alert', names, headings),
    ...alertsOf(snapshot)
      .filter((alert) => !JSON.stringify(at(alert, 'actions')).includes('actionGroupId'))
      .map((alert) => `${leafOf(alert)}: nobody gets it`),
  ];
}

/** A query looks for events that the product logs. */
export function checkLogEvents(snapshot: Snapshot): string[] {
  const known = logEvents();
  return ofType(snapshot, 'Microsoft.Insights/scheduledQueryRules').flatMap((alert) =>
    [...JSON.stringify(at(alert, 'criteria')).matchAll(/\\"event\\":\\"(\w*)/g)]
      .filter(([, event = '']) => !known.includes(event))
      .map(([, event]) => `${leafOf(alert)}: there is no log event ${String(event)}`),
  );
}

/** Redis and the sites have no logs of their own: Application Insights has the log lines of the apps. */
const observed = /^Microsoft\.(Storage\/storageAccounts|ServiceBus\/namespaces|KeyVault\/vaults)$/;

/** Each resource that holds data and has logs sends these to the workspace. Alerts read metrics where Azure keeps them. */
export function checkDiagnostics(snapshot: Snapshot): string[] {
  const settings = ofType(snapshot, 'Microsoft.Insights/diagnosticSettings');
  return snapshot.resources
    .filter(({ type, id }) => observed.test(type) && !settings.some((each) => each.id.startsWith(`${id}/`)))
    .map(({ name }) => `${name}: no diagnostic setting`);
}
