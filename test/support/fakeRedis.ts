import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Puts a `redis-server` into a folder, to be its PATH: it listens on its port, and that is all. */
export async function writeFakeRedis(folder: string): Promise<string> {
  const program = join(folder, 'redis-server');
  const code = `#!${process.execPath}
const port = process.argv[process.argv.indexOf('--port') + 1];
require('node:net').createServer().listen(port, '127.0.0.1');
`;
  await writeFile(program, code, { mode: 0o755 });
  return program;
}
