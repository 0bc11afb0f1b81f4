import { Readable } from 'node:stream';
import { brotliCompressSync, constants, createGzip, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodedBody, DecodingError } from '../../../shared/platform/outbound/decodedBody.ts';
import { IdleTimeout, type OutboundBody } from '../../../shared/platform/outbound/outboundBody.ts';
import { outboundBody } from '../../support/outboundBody.ts';

const MIB = 1024 * 1024;
const text = '{"text":"ä€😀"}'.repeat(50);
const codings: readonly [string, (bytes: Buffer) => Buffer][] = [
  ['gzip', gzipSync],
  ['x-gzip', gzipSync],
  ['GZIP ', gzipSync],
  ['br', brotliCompressSync],
  ['deflate', deflateSync],
  ['deflate', deflateRawSync],
];

/** A body that arrives in pieces of this size. */
const body = (bytes: Buffer, size = bytes.length): OutboundBody => {
  const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
  return outboundBody(Readable.from(pieces));
};

describe.each(codings)('a body in %s', (coding, encode) => {
  test('is read decoded, whole and in single bytes', async () => {
    const encoded = encode(Buffer.from(text));
    for (const size of [encoded.length, 1])
      expect(String(await decodedBody(body(encoded, size), coding).bytes(MIB))).toBe(text);
  });

  test('is bounded by what it decodes to, and no more of it is decoded', async () => {
    const bomb = encode(Buffer.alloc(64 * MIB));
    const before = process.memoryUsage().arrayBuffers;
    expect(await decodedBody(body(bomb), coding).bytes(MIB)).toBeUndefined();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * MIB);
  });

  test('that is empty decodes to nothing', async () => {
    expect(String(await decodedBody(body(Buffer.alloc(0), 1), coding).bytes(MIB))).toBe('');
  });

  test('that is not what it says is an error', async () => {
    await expect(decodedBody(body(Buffer.from('{"a":1} and more')), coding).bytes(MIB)).rejects.toThrow(
      DecodingError,
    );
  });
});

test.each(['identity', '', undefined])('%s is no coding', (coding) => {
  const plain = body(Buffer.from('x'));
  expect(decodedBody(plain, coding)).toBe(plain);
});

test.each(['zstd', 'gzip, br', 'junk'])('%s cannot be decoded', async (coding) => {
  await expect(decodedBody(body(Buffer.from('x')), coding).next()).rejects.toThrow(DecodingError);
});

test('an event that the server has flushed is read before the next is sent', async () => {
  const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH });
  const decoded = decodedBody(outboundBody(gzip), 'gzip');
  gzip.write('data: 1\n\n');
  expect(String(await decoded.next())).toBe('data: 1\n\n');
  gzip.end('data: 2\n\n');
  expect(String(await decoded.next())).toBe('data: 2\n\n');
  expect(await decoded.next()).toBeUndefined();
});

test('silence of the server is silence of the decoded body', async () => {
  const gzip = createGzip();
  await expect(decodedBody(outboundBody(gzip), 'gzip').next(5)).rejects.toThrow(IdleTimeout);
});

test('bytes behind the end are not read', async () => {
  const encoded = Buffer.concat([deflateSync('whole'), Buffer.from('and more')]);
  expect(String(await decodedBody(body(encoded), 'deflate').bytes(MIB))).toBe('whole');
});
