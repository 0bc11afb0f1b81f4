import { readFile, writeFile } from 'node:fs/promises';
import { format, resolveConfig } from 'prettier';
import { azureVariables } from '../shared/platform/config/environment.ts';
import { settingNames, settings } from '../shared/platform/config/settings.ts';

export const settingsDocsFile = new URL('../docs/configuration.md', import.meta.url).pathname;

const BEGIN = '<!-- Made by `npm run docs` from shared/platform/config/settings.ts. -->';
const END = '<!-- End of the part that `npm run docs` makes. -->';

/** Returns `docs/configuration.md` with its table of settings as the code has them. The prose around the table stays. */
export async function settingsDocs(): Promise<string> {
  const text = await readFile(settingsDocsFile, 'utf8');
  const [head, rest] = text.split(BEGIN);
  const tail = rest?.split(END)[1];
  if (head === undefined || tail === undefined)
    throw new Error(`${settingsDocsFile} has lost the mark ${BEGIN} or ${END}`);
  const made = [BEGIN, settingsTable(), developmentRules(), END].join('\n\n');
  return format(head + made + tail, { ...(await resolveConfig(settingsDocsFile)), parser: 'markdown' });
}

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
  ].join('\n');
}

if (import.meta.main) await writeFile(settingsDocsFile, await settingsDocs());
