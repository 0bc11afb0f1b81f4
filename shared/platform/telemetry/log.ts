/** Every event that the system logs. A closed list, so that an operator can search and alert by name. */
export type LogEvent =
  | 'request_handled'
  | 'request_failed'
  | 'sign_in_refused'
  | 'request_limited'
  | 'delegation_sent'
  | 'delegation_send_failed'
  | 'delegation_failed'
  | 'delegation_started'
  | 'delegation_finished'
  | 'delegation_cancelled'
  | 'delegation_skipped'
  | 'delegation_swept'
  | 'delegation_dispatch_failed'
  | 'message_rejected'
  | 'dead_letter_taken'
  | 'report_recorded'
  | 'redis_sign_in_failed'
  | 'row_read_failed'
  | 'plan_finished'
  | 'allocation_release_failed'
  | 'event_published'
  | 'event_publish_failed'
  | 'idempotency_claim_end_failed'
  | 'gate_status_access_failed'
  | 'sweep_failed'
  | 'health_changed'
  | 'health_check_failed'
  | 'agent_load_write_failed'
  | 'instance_write_failed'
  | 'progress_write_failed'
  | 'upstream_failed'
  | 'registry_synced'
  | 'registry_sync_failed'
  | 'registry_entry_skipped'
  | 'audit_write_failed'
  | 'audit_records_dropped'
  | 'audit_chain_replaced';

/** Structured values. Never tokens, payloads or headers. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  info(event: LogEvent, fields: LogFields): void;
  warn(event: LogEvent, fields: LogFields): void;
  /** Writes `cause` with its stack and its own causes. Operators read it, callers never do. */
  error(event: LogEvent, fields: LogFields, cause?: unknown): void;
}

/**
 * Writes one JSON object a line to standard output or standard error. Azure Functions sends them to Application Insights.
 * `redact` removes the secrets of the settings from a line, because an error of a library may hold its arguments.
 */
export function jsonLog(
  app: string,
  write: (line: string, level: Level) => void = writeLine,
  redact: (line: string) => string = (line) => line,
): Log {
  const at = (level: Level) => (event: LogEvent, fields: LogFields, cause?: unknown) => {
    const entry = { at: new Date().toISOString(), level, app, event, ...fields, ...causes(cause) };
    write(escapeInvisible(redact(JSON.stringify(entry))), level);
  };
  return { info: at('info'), warn: at('warn'), error: at('error') };
}

type Level = 'info' | 'warn' | 'error';

/** Lines of level `info` are buffered for this time, because each write to a pipe waits for the operating system. */
const FLUSH_AFTER_MS = 10;
/** Characters in the buffer. */
const MAX_UNWRITTEN = 64 * 1024;
let unwritten = '';

export function writeLine(line: string, level: Level): void {
  if (level !== 'info') {
    writeAll();
    process.stderr.write(line + '\n');
    return;
  }
  if (unwritten === '') setTimeout(writeAll, FLUSH_AFTER_MS).unref();
  unwritten += line + '\n';
  if (unwritten.length > MAX_UNWRITTEN) writeAll();
}

function writeAll(): void {
  if (unwritten !== '') process.stdout.write(unwritten);
  unwritten = '';
}

process.on('exit', writeAll);

/**
 * Escapes characters that break or disguise a line and that JSON does not escape: C1 controls, line separators, direction marks.
 */
function escapeInvisible(json: string): string {
  // Most lines are plain ASCII.
  if (!/[^ -~]/.test(json)) return json;
  return json.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    character
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

function causes(cause: unknown): { error?: string } {
  if (cause === undefined) return {};
  const chain: string[] = [];
  for (let error: unknown = cause; error instanceof Error && chain.length < 5; error = error.cause) {
    chain.push(error.stack ?? error.message);
  }
  return { error: chain.length > 0 ? chain.join('\ncaused by ') : typeof cause };
}
