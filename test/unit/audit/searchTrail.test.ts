import { expect, test } from 'vitest';
import { openAudit } from '../../../shared/audit/journal/audit.ts';
import { MAX_SEARCH_READS, SEARCH_ROWS } from '../../../shared/audit/limits.ts';
import { searchTrail } from '../../../shared/audit/model/searchTrail.ts';
import { systemClock } from '../../../shared/platform/base/clock.ts';
import { randomId } from '../../../shared/platform/base/ids.ts';
import { recordingLog } from '../../support/gateway.ts';
import { memoryTrail } from '../../support/memoryTrail.ts';

test('a search that finds nothing ends after its bound of reads, and its next page goes on from there', async () => {
  let reads = 0;
  const trail = memoryTrail((operation) => {
    if (operation === 'records') reads += 1;
  });
  const audit = openAudit({ store: trail.store, clock: systemClock, newId: randomId, log: recordingLog() });
  const rows = SEARCH_ROWS * MAX_SEARCH_READS + 10;
  for (let index = 0; index < rows; index++) {
    audit.append({
      tenantId: 't',
      actor: 'alice',
      action: 'tools/call',
      resource: `r${index}`,
      decision: index === 3 ? 'refused' : 'allowed',
      outcome: 'succeeded',
      durationMs: 0,
      traceId: '',
    });
  }
  await audit.flush();
  const first = await searchTrail(trail.store, 't', { decision: 'refused' }, 30);
  expect([first.items, reads]).toEqual([[], MAX_SEARCH_READS]);
  const second = await searchTrail(trail.store, 't', { decision: 'refused' }, 30, first.after);
  expect(second.items.map(({ resource }) => resource)).toEqual(['r3']);
  expect(second.after).toBeUndefined();
});
