import { UNBUILT } from '../../platform/config/buildInfo.ts';
import type { App } from '../../platform/config/config.ts';
import type { KnownInstance } from '../../platform/telemetry/instances.ts';
import { severalBuilds } from '../deploymentChange.ts';
import { defineFindings, type Finding } from '../finding.ts';
import type { RunningApp } from './runningApps.ts';

const finding = defineFindings({
  settings_drift: ({ app, settings }: { app: App; settings: readonly string[]; newestSince: string }) => ({
    severity: 'warning',
    message: `instances of the ${app} app have different values of ${settings.join(', ')}`,
    remedy: `Restart the ${app} app, so that all of its instances read the current settings.`,
  }),
  apps_run_different_builds: ({ newest }: { newest: readonly KnownInstance[] }) => ({
    severity: 'warning',
    message: `the two apps run different builds${distinct(newest.map(({ version }) => version)).length > 1 ? ', of different versions' : ''}`,
    evidence: {
      apps: newest.map(({ app, version, build, startedAt }) => ({ app, version, build, startedAt })),
    },
    remedy: 'Deploy one package to both apps: the mcp app first, then the management app.',
  }),
  different_node_versions: ({
    all,
    majors,
  }: {
    all: readonly KnownInstance[];
    majors: readonly string[];
  }) => ({
    severity: 'warning',
    message: `instances run Node ${majors.join(' and ')} at the same time`,
    evidence: { apps: all.map(({ app, node }) => ({ app, node })) },
    remedy: 'Give both apps the same runtime version.',
  }),
  unknown_build: ({ apps: unknown }: { apps: readonly App[] }) => ({
    severity: 'warning',
    message: `the ${unknown.join(' and the ')} app cannot say which build it runs: dist/build.json is missing beside its code`,
    remedy: 'Deploy the whole folder dist/ that `npm run build` made.',
  }),
});

/** Finds differences between instances that should be alike: all instances of one app, and the builds of both apps. */
export function driftFindings(running: readonly RunningApp[]): readonly Finding[] {
  const all = running.flatMap(({ instances }) => instances);
  const newest = running.flatMap(({ instances: [first] }) => (first ? [first] : []));
  const majors = distinct(all.map(({ node }) => node.split('.')[0] ?? ''));
  const unbuilt = distinct(all.filter(({ build }) => build === UNBUILT).map(({ app }) => app));
  return [
    ...running.flatMap(({ app, instances }) => [
      ...buildsIn(app, instances),
      ...settingsDrift(app, instances),
    ]),
    ...(distinct(newest.map(({ build }) => build)).length > 1
      ? [finding('apps_run_different_builds', { newest })]
      : []),
    ...(majors.length > 1 ? [finding('different_node_versions', { all, majors })] : []),
    ...(unbuilt.length > 0 ? [finding('unknown_build', { apps: unbuilt })] : []),
  ];
}

const distinct = <T>(values: readonly T[]): readonly T[] => [...new Set(values)];

function buildsIn(app: App, instances: readonly KnownInstance[]): readonly Finding[] {
  const builds = distinct(instances.map(({ build }) => build));
  const [newest] = builds;
  if (newest === undefined || builds.length < 2) return [];
  const evidence = {
    builds: builds.map((build) => {
      const same = instances.filter((instance) => instance.build === build);
      return { build, instances: same.length, seenAt: same[0]?.seenAt };
    }),
  };
  return [severalBuilds({ app, builds: builds.length, newest, evidence })];
}

function settingsDrift(app: App, [first, ...others]: readonly KnownInstance[]): readonly Finding[] {
  if (!first) return [];
  const comparable = others.filter(({ keyId }) => keyId === first.keyId);
  const names = distinct([first, ...comparable].flatMap(({ settings }) => Object.keys(settings)));
  const settings = names.filter((name) =>
    comparable.some((other) => other.settings[name] !== first.settings[name]),
  );
  return settings.length > 0
    ? [finding('settings_drift', { app, settings, newestSince: first.startedAt })]
    : [];
}
