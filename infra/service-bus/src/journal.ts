import { closeSync, createReadStream, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { QueueLog } from './heldMessages.ts';
import {
  addedRecord,
  changedRecord,
  HEAD,
  JournalReader,
  recordsOf,
  removedRecord,
} from './journalRecords.ts';
import type { WireMessage } from './messageCodec.ts';
import type { QueueState } from './queue.ts';

/**
 * Keeps queues in a file that is only appended to, one record a line.
 *
 * Guarantee: a message is in the file before its sender learns that it was accepted. So it survives the end of the
 * broker's process in any way, `kill -9` included. Removals and delivery counts are written within the same turn of
 * the event loop; a process that ends before that delivers such a message once more. The file is not synced to the
 * disk: the loss of power or of the operating system can lose the last seconds.
 *
 * The journal is rewritten from the states of the queues when it is opened, and when it has outgrown them.
 */
export interface Journal {
  /** What the file held when it was opened, by the names of the queues. */
  readonly states: ReadonlyMap<string, QueueState<WireMessage>>;
  logFor(queue: string): QueueLog<WireMessage>;
  /** Rewrites the file from these states, and from then on appends to it. */
  begin(states: () => Iterable<readonly [queue: string, QueueState<WireMessage>]>): void;
  close(): void;
}

export interface JournalOptions {
  /** The file may grow by this and by twice its size after the last rewrite before it is rewritten. */
  readonly slackBytes?: number;
  /** Writes a part of the bytes and returns its length, as `writeSync` does. */
  readonly write?: (descriptor: number, bytes: Uint8Array, offset: number) => number;
}

const SLACK_BYTES = 16 * 1024 * 1024;
/** Records are written in pieces of about this size while the file is rewritten. */
const PIECE_CHARACTERS = 1024 * 1024;

/** @throws Error with one line for the user when the file cannot be read or written, or has another format. */
export async function openJournal(
  file: string,
  { slackBytes = SLACK_BYTES, write = writeSync }: JournalOptions = {},
): Promise<Journal> {
  const states = await readStates(file);
  let statesNow: () => Iterable<readonly [queue: string, QueueState<WireMessage>]> = () => [];
  let descriptor: number | undefined;
  let pending: string[] = [];
  let flushing: NodeJS.Immediate | undefined;
  let [bytes, rewriteAt] = [0, Infinity];
  /** A write failed, so the file may end in the middle of a record. Nothing may be appended to it. */
  let isTorn = false;

  function writeAll(to: number, text: string): number {
    const all = Buffer.from(text, 'utf8');
    for (let written = 0; written < all.length;) written += write(to, all, written);
    return all.length;
  }

  function flush(): void {
    if (descriptor === undefined) return;
    if (isTorn) rewrite();
    if (pending.length === 0) return;
    const text = pending.join('');
    pending = [];
    isTorn = true;
    bytes += writeAll(descriptor, text);
    isTorn = false;
  }

  function append(record: string): void {
    pending.push(`${record}\n`);
    flushing ??= setImmediate(() => {
      flushing = undefined;
      flush();
      if (bytes > rewriteAt) rewrite();
    });
  }

  /** Writes a new file beside the old one and puts it in its place. */
  function rewrite(): void {
    const aside = `${file}.new`;
    const fresh = openSync(aside, 'w', 0o600);
    try {
      bytes = writeStates(fresh);
      renameSync(aside, file);
    } catch (error) {
      closeSync(fresh);
      throw error;
    }
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = fresh;
    pending = [];
    isTorn = false;
    rewriteAt = 3 * bytes + slackBytes;
  }

  /** Writes the states of all queues and returns the number of bytes. */
  function writeStates(to: number): number {
    let written = 0;
    let piece = `${HEAD}\n`;
    for (const [queue, state] of statesNow()) {
      for (const record of recordsOf(queue, state)) {
        piece += `${record}\n`;
        if (piece.length < PIECE_CHARACTERS) continue;
        written += writeAll(to, piece);
        piece = '';
      }
    }
    return written + writeAll(to, piece);
  }

  return {
    states,
    logFor: (queue) => ({
      added: (message, admittedAt) => {
        append(addedRecord(queue, message, admittedAt));
      },
      changed: (message) => {
        append(changedRecord(queue, message));
      },
      removed: (id) => {
        append(removedRecord(queue, id));
      },
      flush,
    }),
    begin(current) {
      statesNow = current;
      mkdirSync(dirname(file), { recursive: true });
      rewrite();
    },
    close() {
      clearImmediate(flushing);
      flush();
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}

/** Yields the lines of a file. Only a line feed ends a line: JSON does not escape the other separators of Unicode. */
async function* linesOf(file: string): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of createReadStream(file, 'utf8')) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  if (rest !== '') yield rest;
}

async function readStates(file: string): Promise<ReadonlyMap<string, QueueState<WireMessage>>> {
  const reader = new JournalReader();
  let number = 0;
  let unreadable: number | undefined;
  try {
    for await (const line of linesOf(file)) {
      number += 1;
      if (unreadable !== undefined) throw damaged(file, `line ${unreadable} is not a record`);
      if (number === 1 && line !== HEAD) throw damaged(file, 'it has another format');
      if (number > 1 && !isRead(reader, line)) unreadable = number;
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return new Map();
    throw error;
  }
  // The last line may be incomplete: the process ended while it was written, and no sender was told of it.
  return reader.states();
}

function isRead(reader: JournalReader, line: string): boolean {
  try {
    reader.read(line);
    return true;
  } catch {
    return false;
  }
}

const damaged = (file: string, how: string): Error =>
  new Error(`cannot use the journal ${file}: ${how}. Move the file away to start with empty queues.`);
