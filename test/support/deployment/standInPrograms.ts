import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** What the stand-ins answer with. They read it at each call. */
export interface AzureState {
  /** The values of the azd environment `test`. */
  readonly values: Readonly<Record<string, string>>;
  /** Values that `azd provision` adds. */
  readonly provisioned: Readonly<Record<string, string>>;
  readonly token: string;
  readonly functions: Readonly<Record<string, number>>;
  /** A call whose arguments begin with a key ends with exit code 1 and this message. */
  readonly failing: Readonly<Record<string, string>>;
}

export interface StandInPrograms {
  /** The PATH on which the stand-ins of `azd` and `az` come first. */
  readonly path: string;
  set(state: AzureState): void;
  /** The calls so far, each as one line, with file names left out. */
  calls(): readonly string[];
  forgetCalls(): void;
  /** Returns the content of a blob, such as `mcp/released-package.zip`. */
  blob(name: string): string | undefined;
  /** Stores a blob. */
  putBlob(name: string, content: string): void;
  remove(): void;
}

/** Resource id of the stand-in app. */
export const siteId = (app: string): string =>
  `/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/rg-test/providers/Microsoft.Web/sites/func-${app}`;

/** Programs named `azd` and `az` that record their arguments, with a folder of blobs as their cloud. */
export function standInPrograms(): StandInPrograms {
  const folder = mkdtempSync(join(tmpdir(), 'stand-ins-'));
  for (const app of ['mcp', 'management']) mkdirSync(join(folder, 'blobs', `st${app}`), { recursive: true });
  for (const program of ['azd', 'az']) {
    const file = join(folder, program);
    writeFileSync(file, `#!${process.execPath}\n${common(folder, program)}\n${programs[program]}`);
    chmodSync(file, 0o755);
  }
  const blobFile = (name: string) => join(folder, 'blobs', `st${name}`);
  return {
    path: `${folder}${delimiter}${process.env['PATH'] ?? ''}`,
    set(state) {
      writeFileSync(join(folder, 'state.json'), JSON.stringify(state));
    },
    calls: () =>
      existsSync(join(folder, 'calls'))
        ? readFileSync(join(folder, 'calls'), 'utf8').trimEnd().split('\n')
        : [],
    forgetCalls() {
      rmSync(join(folder, 'calls'), { force: true });
    },
    blob: (name) => (existsSync(blobFile(name)) ? readFileSync(blobFile(name), 'utf8') : undefined),
    putBlob(name, content) {
      writeFileSync(blobFile(name), content);
    },
    remove() {
      rmSync(folder, { recursive: true });
    },
  };
}

const common = (folder: string, program: string): string => `
const fs = require('node:fs');
const path = require('node:path');
const folder = ${JSON.stringify(folder)};
const args = process.argv.slice(2);
const shown = args.map((arg) => (path.isAbsolute(arg) && arg.includes('deployment-') ? 'FILE' : arg)).join(' ');
fs.appendFileSync(path.join(folder, 'calls'), '${program} ' + shown + '\\n');
const state = JSON.parse(fs.readFileSync(path.join(folder, 'state.json'), 'utf8'));
const option = (name) => args[args.indexOf('--' + name) + 1];
const print = (value) => console.log(JSON.stringify(value));
const fail = (message) => { console.error(message); process.exit(1); };
for (const [start, message] of Object.entries(state.failing)) if (shown.startsWith(start)) fail(message);
`;

const programs: Readonly<Record<string, string>> = {
  azd: `
const [verb, app] = args;
if (verb === 'env') {
  if (option('environment') !== 'test') fail("ERROR: environment '" + option('environment') + "' does not exist");
  print(state.values);
} else if (verb === 'auth') print({ status: 'success' });
else if (verb === 'provision') {
  const values = { ...state.values, ...state.provisioned };
  fs.writeFileSync(path.join(folder, 'state.json'), JSON.stringify({ ...state, values }));
} else if (verb === 'deploy') {
  if (process.env.MREG_DEPLOYMENT === undefined) fail('the hooks would run the smoke test');
  const to = path.join(folder, 'blobs', 'st' + app, 'released-package.zip');
  if (args.includes('--from-package')) fs.copyFileSync(option('from-package'), to);
  else fs.writeFileSync(to, 'new');
} else fail('unknown command');`,
  az: `
const [group, verb] = args;
if (group === 'account') print(verb === 'show' ? { id: option('subscription') } : { accessToken: state.token });
else if (group === 'resource') {
  const name = option('ids').split('/').at(-1).replace('func-', 'st');
  const value = 'https://' + name + '.blob.core.windows.net/packages';
  print({ properties: { functionAppConfig: { deployment: { storage: { type: 'blobContainer', value } } } } });
} else if (group === 'functionapp') {
  print(Array.from({ length: state.functions[option('name').replace('func-', '')] }, (_, index) => ({ name: 'f' + index })));
} else if (group === 'storage') {
  const blob = path.join(folder, 'blobs', option('account-name'), option('name'));
  if (option('auth-mode') !== 'login') fail('keys are off');
  if (args[2] === 'exists') print({ exists: fs.existsSync(blob) });
  else if (args[2] === 'download') fs.copyFileSync(blob, option('file'));
  else if (args[2] === 'upload') fs.copyFileSync(option('file'), blob);
} else fail('unknown command');`,
};
