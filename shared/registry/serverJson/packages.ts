import * as z from 'zod';
import { variablesOf } from '../secrets/placeholders.ts';
import { argumentSchema, keyValueSchema } from './inputs.ts';
import { listOf, specificVersion, text, webUrl } from './text.ts';
import { localTransportSchema } from './transports.ts';

/** A package that a client installs and runs on its machine. */
export const packageSchema = z
  .looseObject({
    registryType: text().min(1),
    registryBaseUrl: webUrl().optional(),
    identifier: text().regex(/^[^\s]+$/, 'must not be empty or hold spaces'),
    version: specificVersion.optional(),
    fileSha256: text()
      .regex(/^[a-f0-9]{64}$/, 'must be 64 hexadecimal digits in small letters')
      .optional(),
    runtimeHint: text().optional(),
    transport: localTransportSchema,
    runtimeArguments: listOf(argumentSchema).optional(),
    packageArguments: listOf(argumentSchema).optional(),
    environmentVariables: listOf(keyValueSchema).optional(),
  })
  .superRefine((described, context) => {
    if (described.registryType === 'mcpb' && described.fileSha256 === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['fileSha256'],
        message: 'is required: an mcpb package needs it',
      });
    }
    const { transport } = described;
    if (transport.type === 'stdio') return;
    const known = new Set(namesOf(described));
    for (const name of variablesOf(transport.url).filter((used) => !known.has(used))) {
      const message = `uses {${name}}, which is no argument or environment variable of the package`;
      context.addIssue({ code: 'custom', path: ['transport', 'url'], message });
    }
  });

type Argument = z.infer<typeof argumentSchema>;

/** Returns the variables that a URL template of the package may use. */
function namesOf(described: {
  readonly environmentVariables?: readonly { readonly name: string }[] | undefined;
  readonly runtimeArguments?: readonly Argument[] | undefined;
  readonly packageArguments?: readonly Argument[] | undefined;
}): readonly string[] {
  const { environmentVariables = [], runtimeArguments = [], packageArguments = [] } = described;
  return [
    ...environmentVariables.map(({ name }) => name),
    ...[...runtimeArguments, ...packageArguments].flatMap((argument) =>
      argument.type === 'named'
        ? [argument.name, argument.name.replace(/^-+/, '')]
        : [argument.valueHint ?? ''],
    ),
  ];
}
