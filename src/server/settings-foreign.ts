/**
 * Spellings of ProgressDB that do not fit the one rule of names: flags, `.env`, and values of another form
 * (progressdb.md 6.1 to 6.4, R1).
 */
import { parseEnv } from 'node:util';

/** A flag that stands for one or more settings. */
export interface ForeignFlag {
  readonly name: string;
  readonly hint: string;
  readonly about: string;
  /** Texts by the path of their setting. */
  readonly means: (text: string) => readonly (readonly [path: string, text: string])[];
}

/** The host of `host:port`; `undefined` when it names none, which leaves the setting alone. */
export function addressHost(address: string): string | undefined {
  const host = address.slice(0, Math.max(0, address.lastIndexOf(':'))).replace(/^\[(.*)\]$/, '$1');
  return host === '' ? undefined : host;
}

/** The port of `host:port`, or all of a text without a colon. */
export function addressPort(address: string): string | undefined {
  const port = address.slice(address.lastIndexOf(':') + 1);
  return port === '' ? undefined : port;
}

const folder = (text: string): readonly (readonly [string, string])[] => [['data_dir', text]];

export const FOREIGN_FLAGS: readonly ForeignFlag[] = [
  {
    name: 'addr',
    hint: '<host:port>',
    about: '--host and --port in one, as ProgressDB has it; without a host, --host stays as it is.',
    means: (text) => {
      const [host, port] = [addressHost(text), addressPort(text)];
      return [
        ...(host === undefined ? [] : [['server.host', host] as const]),
        ...(port === undefined ? [] : [['server.port', port] as const]),
      ];
    },
  },
  { name: 'db', hint: '<folder>', about: 'Means --data-dir.', means: folder },
  { name: 'db-path', hint: '<folder>', about: 'Means --data-dir.', means: folder },
];

/** ProgressDB's flags may have one dash. */
export function twoDashes(argv: readonly string[]): string[] {
  return argv.map((argument) => (/^-(?:addr|db|config)(?:=|$)/.test(argument) ? `-${argument}` : argument));
}

const OURS = /^(?:SYNAPD|SYNAP|PROGRESSDB)_|^RUST_LOG$/;

/** The variables of a `.env` file that are about this program. */
export function dotEnv(text: string): Record<string, string> {
  return Object.fromEntries(Object.entries(parseEnv(text)).filter(([name]) => OURS.test(name))) as Record<
    string,
    string
  >;
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  kb: 1024,
  kib: 1024,
  m: 1024 ** 2,
  mb: 1024 ** 2,
  mib: 1024 ** 2,
};

/** `100KB` in bytes; what is no size comes back as it is, to be refused. */
export function bytesOf(value: unknown): unknown {
  const found = /^\s*(\d{1,12})\s*([a-z]*)\s*$/i.exec(String(value));
  const unit = UNITS[found?.[2]?.toLowerCase() ?? 'none'];
  return found === null || unit === undefined ? value : Number(found[1]) * unit;
}

/** `[{path, algorithm}]` as a list of paths; AES-256-GCM is the one algorithm there is. */
export function encryptedPaths(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return value.map((field: unknown) => {
    if (typeof field !== 'object' || field === null) return field;
    const { path, algorithm } = field as Record<string, unknown>;
    const known = algorithm === undefined || algorithm === null || /^aes-?256-?gcm$/i.test(String(algorithm));
    return known ? path : field;
  });
}
