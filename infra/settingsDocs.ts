import { writeFile } from 'node:fs/promises';
import { azureVariables } from '../shared/platform/config/environment.ts';
import { settingNames, settings } from '../shared/platform/config/settings.ts';
import { withMadePart } from './madePart.ts';

export const settingsDocsFile = new URL('../docs/configuration.md', import.meta.url).pathname;

/** Returns `docs/configuration.md` with its table of settings as the code has them. */
export const settingsDocs = (): Promise<string> =>
  withMadePart(
    settingsDocsFile,
    'shared/platform/config/settings.ts',
    [settingsTable(), developmentRules()].join('\n\n'),
  );

function settingsTable(): string {
  const rows = settingNames.map((name) => {
    const { required, doc } = settings[name];
    return `| \`${name}\` | ${required} | ${doc} |`;
  });
  return ['| setting | required | what it is |', '| --- | --- | --- |', ...rows].join('\n');
}

function developmentRules(): string {
  const variables = azureVariables.map((name) => `\`${name}\``).join(', ');
  const values = settingNames.flatMap((name) => {
    const { developmentValue } = settings[name];
    return developmentValue ? [`- \`${name}\`: ${developmentValue[1]}.`] : [];
  });
  return [
    'Production refuses to start with a setting that is for development only. An environment is production unless',
    '`AZURE_FUNCTIONS_ENVIRONMENT` is `Development`, `NODE_ENV` is not `production`, and none of these variables is set:',
    `${variables}.`,
    'Production also refuses some values:',
    '',
    ...values,
    '- `NODE_TLS_REJECT_UNAUTHORIZED`: must not be 0. `NODE_EXTRA_CA_CERTS` names further authorities to trust.',
  ].join('\n');
}

if (import.meta.main) await writeFile(settingsDocsFile, await settingsDocs());
