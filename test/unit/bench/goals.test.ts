import { expect, test } from 'vitest';
import { goals, judge, linesOf, tableOf } from '../../bench/goals.ts';

test.each([
  {
    figure: 'roundTrip',
    rounds: [61, 59, 58, 60],
    isMet: true,
    why: 'the median counts, not the worst round',
  },
  { figure: 'roundTrip', rounds: [61, 62, 10, 70], isMet: false, why: 'one good round does not meet a goal' },
  { figure: 'memory', rounds: [170], isMet: true, why: 'an upper limit may be reached' },
  { figure: 'rateModernJson', rounds: [2], isMet: true, why: 'a lower limit may be reached' },
  { figure: 'rateModernJson', rounds: [1.99], isMet: false, why: 'a lower limit may not be missed' },
  { figure: 'addedCpu', rounds: [Number.NaN], isMet: false, why: 'this system does not tell CPU time' },
  { figure: 'addedCpu', rounds: [], isMet: false, why: 'nothing was measured' },
] as const)('$figure of $rounds is met: $isMet, because $why', ({ figure, rounds, isMet }) => {
  expect(judge(figure, rounds).isMet).toBe(isMet);
});

test('what was not measured has no line, and the others keep the order of the goals', () => {
  const lines = linesOf({ memory: [180], addedCpu: [0.1234] });
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/^ {2}met .*0\.123 ms/);
  expect(lines[1]).toContain(goals.memory.name);
  expect(tableOf({ memory: [180] })).toContain('| 180 MB | at most 170 MB | no |');
});
