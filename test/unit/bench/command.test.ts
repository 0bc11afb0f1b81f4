import { expect, test } from 'vitest';
import { partsOf, WrongOptions } from '../../bench/command.ts';
import { checkGuest, guestOf } from '../../bench/peers/guest.ts';
import { freePort } from '../../support/freePort.ts';

const url = 'http://127.0.0.1:8031/mcp';

test.each([
  { args: [], parts: ['goals', 'calls'], why: 'none is named' },
  { args: ['calls'], parts: ['calls'], why: 'one is named' },
  { args: ['calls', '--docs'], parts: ['calls'], why: '--docs is no part' },
])('the parts of $args are $parts, because $why', ({ args, parts }) => {
  expect(partsOf(args, ['goals', 'calls'])).toEqual(parts);
});

test.each([
  { args: ['goals', 'nope'], message: 'Unknown part "nope"; known parts: goals, calls' },
  { args: ['--frob'], message: "Unknown option '--frob'" },
])('parts are refused before any is measured: $args', ({ args, message }) => {
  expect(() => partsOf(args, ['goals', 'calls'])).toThrow(new WrongOptions(message));
});

test('an endpoint is read from the arguments', () => {
  const args = ['--url', url, '--name', 'Mine', '--prefix', 'a-', '--header', 'authorization: Bearer a:b'];
  expect(guestOf([...args, '--era', 'legacy', '--era', 'modern'])).toMatchObject({
    ...{ url, name: 'Mine', prefix: 'a-', headers: { authorization: 'Bearer a:b' } },
    eras: ['legacy', 'modern'],
  });
  expect(guestOf(['--url', url])).toMatchObject({ name: 'guest', eras: ['legacy'] });
  expect(guestOf([])).toBeUndefined();
});

test.each([
  { args: ['nope'], message: "Unexpected argument 'nope'" },
  { args: ['--frob'], message: "Unknown option '--frob'" },
  { args: ['--url', 'foo'], message: '--url must be a URL with http or https, not "foo"' },
  { args: ['--url', url, '--era', 'bogus'], message: '--era must be legacy or modern, not "bogus"' },
  { args: ['--url', url, '--header', 'secret'], message: "--header must be 'NAME: VALUE'" },
  { args: ['--name', 'X'], message: '--name needs --url' },
  { args: ['--era', 'legacy'], message: '--era needs --url' },
])('arguments of the peers are refused: $args', ({ args, message }) => {
  expect(() => guestOf(args)).toThrow(message);
  expect(() => guestOf(args)).toThrow(WrongOptions);
});

test.each(['legacy', 'modern'] as const)('an endpoint of the %s era that is gone is named', async (era) => {
  const gone = `http://127.0.0.1:${await freePort()}/mcp`;
  const guest = guestOf(['--url', gone, '--name', 'Gone', '--era', era]);
  if (!guest) throw new Error('no endpoint');
  await expect(checkGuest(guest)).rejects.toThrow(
    new WrongOptions(`Gone does not answer at ${gone}: connection refused`),
  );
});
