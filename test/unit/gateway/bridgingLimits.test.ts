import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { topics } from '../../support/bridging.ts';

const docs = readFileSync(join(import.meta.dirname, '../../../docs/mcp.md'), 'utf8').replaceAll(/\s+/g, ' ');

test.each(topics.filter(({ limit }) => limit !== undefined))(
  '$topic: docs/mcp.md says what the gateway does not bridge',
  ({ limit }) => {
    expect(docs).toContain(limit);
  },
);
