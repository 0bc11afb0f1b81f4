import { UNBUILT } from '../../platform/config/buildInfo.ts';
import type { KnownInstance } from '../../platform/telemetry/instances.ts';
import type { Finding } from '../finding.ts';
import type { RunningApp } from './runningApps.ts';

/** What differs between instances that should be alike: of one app in all, of both apps in what they run. */
export function driftFindings(running: readonly RunningApp[]): readonly Finding[] {
  const all = running.flatMap(({ instances }) => instances);
  return [
    ...running.flatMap(({ app, instances }) => [
      ...severalBuilds(app, instances),
      ...severalSettings(app, instances),
    ]),
    ...buildsApart(running),
    ...severalRuntimes(all),
    ...unbuilt(all),
  ];
}

const distinct = <T>(values: readonly T[]): readonly T[] => [...new Set(values)];

function severalBuilds(app: string, instances: readonly KnownInstance[]): readonly Finding[] {
  const builds = distinct(instances.map(({ build }) => build));
  if (builds.length < 2) return [];
  const newest = builds[0] ?? '';
  return [
    {
      rule: 'two_builds_in_one_app',
      severity: 'warning',
      message: `instances of the ${app} app run ${builds.length} builds at once`,
      evidence: {
        app,
        builds: builds.map((build) => ({
          build,
          instances: instances.filter((instance) => instance.build === build).length,
          seenAt: instances.find((instance) => instance.build === build)?.seenAt,
        })),
      },
      remedy: `Wait until the instances that do not run ${newest} have ended; where they stay, restart the ${app} app.`,
    },
  ];
}

function severalSettings(app: string, instances: readonly KnownInstance[]): readonly Finding[] {
  const [first, ...others] = instances;
  if (!first) return [];
  const comparable = others.filter(({ keyId }) => keyId === first.keyId);
  const names = distinct([first, ...comparable].flatMap(({ settings }) => Object.keys(settings)));
  const changed = names.filter((name) =>
    comparable.some(({ settings }) => settings[name] !== first.settings[name]),
  );
  if (changed.length === 0) return [];
  return [
    {
      rule: 'settings_drift',
      severity: 'warning',
      message: `instances of the ${app} app have different values of ${changed.join(', ')}`,
      evidence: { app, settings: changed, newestSince: first.startedAt },
      remedy: `Restart the ${app} app, so that all of its instances read the settings of now.`,
    },
  ];
}

/** The newest instance of each app. */
function buildsApart(running: readonly RunningApp[]): readonly Finding[] {
  const newest = running.flatMap(({ instances: [first] }) => (first ? [first] : []));
  if (distinct(newest.map(({ build }) => build)).length < 2) return [];
  const versions = distinct(newest.map(({ version }) => version));
  return [
    {
      rule: 'apps_run_different_builds',
      severity: 'warning',
      message: `the two apps run different builds${versions.length > 1 ? ', of different versions' : ''}`,
      evidence: {
        apps: newest.map(({ app, version, build, startedAt }) => ({ app, version, build, startedAt })),
      },
      remedy: 'Deploy one package to both apps: the mcp app first, then the management app.',
    },
  ];
}

function severalRuntimes(all: readonly KnownInstance[]): readonly Finding[] {
  const majors = distinct(all.map(({ node }) => node.split('.')[0]));
  if (majors.length < 2) return [];
  return [
    {
      rule: 'different_node_versions',
      severity: 'warning',
      message: `instances run Node ${majors.join(' and ')} at once`,
      evidence: { apps: all.map(({ app, node }) => ({ app, node })) },
      remedy: 'Give both apps the same runtime version.',
    },
  ];
}

function unbuilt(all: readonly KnownInstance[]): readonly Finding[] {
  const found = distinct(all.filter(({ build }) => build === UNBUILT).map(({ app }) => app));
  if (found.length === 0) return [];
  return [
    {
      rule: 'unknown_build',
      severity: 'warning',
      message: `the ${found.join(' and the ')} app cannot say which build it runs: dist/build.json is not beside its code`,
      evidence: { apps: found },
      remedy: 'Deploy all of dist/, as `npm run build` has made it.',
    },
  ];
}
