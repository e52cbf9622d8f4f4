/**
 * The log: one line for each event on standard output, in JSON for machines or in text for people.
 *
 * Invariant: lines are written before the call returns, so the last one before an exit is there; whatever is named like
 * a secret is hidden; and a reader that goes away does not take the server with it.
 */
import { appendFileSync, openSync } from 'node:fs';
import { pino } from 'pino';
import type { Log } from '../core/ports.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'off';

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: 'json' | 'text';
  /** Where lines go, each with its line end; standard output when absent. */
  readonly write?: ((line: string) => void) | undefined;
}

/** A log whose level can be changed while the server runs. */
export interface ServerLog extends Log {
  setLevel(level: LogLevel): void;
}

const SECRET = ['password', 'passwd', 'secret', 'token', 'apiKey', 'api_key', 'authorization', 'cookie', 'credentials'];
const HIDDEN = [...SECRET, 'x-api-key'].flatMap((name) => [`["${name}"]`, `*["${name}"]`, `*.*["${name}"]`]);

/** Opens the log. */
export function createLog(options: LogOptions): ServerLog {
  const write = options.write ?? standardOutput();
  const logger = pino(
    {
      level: pinoLevel(options.level),
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: HIDDEN, censor: '(hidden)' },
    },
    { write: options.format === 'json' ? write : (line) => write(asText(line)) },
  );
  return {
    debug: (fields, text) => logger.debug(fields, text),
    info: (fields, text) => logger.info(fields, text),
    warn: (fields, text) => logger.warn(fields, text),
    error: (fields, text) => logger.error(fields, text),
    setLevel(level) {
      logger.level = pinoLevel(level);
    },
  };
}

const pinoLevel = (level: LogLevel): string => (level === 'off' ? 'silent' : level);

/** Writes synchronously. When nobody reads any more (EPIPE) lines are dropped. */
function standardOutput(): (line: string) => void {
  const out = pino.destination({ dest: 1, sync: true });
  out.on('error', () => {});
  return (line) => {
    out.write(line);
  };
}

/** Appends to a file, synchronously; throws what opening it throws. A line that cannot be written is dropped. */
export function fileOutput(path: string): (line: string) => void {
  const file = openSync(path, 'a', 0o640);
  return (line) => {
    try {
      appendFileSync(file, line);
    } catch {
      // the log is not worth the server
    }
  };
}

/** `2026-11-25T08:00:00.000Z WARN  text name=value`, on one line whatever the values hold. */
function asText(line: string): string {
  const { time, level, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${word(value)}`);
  const error = err as { message?: string; stack?: string } | undefined;
  if (error !== undefined) pairs.push(`error=${word(error.stack ?? error.message)}`);
  const text = String(msg ?? '').replaceAll(/\s*[\r\n]+\s*/g, ' ');
  return `${[time, String(level).toUpperCase().padEnd(5), text, ...pairs].join(' ')}\n`;
}

function word(value: unknown): string {
  return typeof value === 'string' && /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value);
}
