/**
 * From flags, environment, file and defaults to settings (synap-operations.md 2), in that order of precedence.
 *
 * Invariant: a server starts with every setting understood or not at all; each wrong value is one line that names the
 * setting, where it was given, and what is allowed. Secrets are never printed.
 */
import type { AccountOptions } from '../auth/accounts.ts';
import { planAccounts } from './settings-accounts.ts';
import { chatProblems, masterKey } from './settings-chat.ts';
import { type Given, readSettingsFile } from './settings-file.ts';
import { readFlags } from './settings-flags.ts';
import { dotEnv } from './settings-foreign.ts';
import type { Row } from './settings-kinds.ts';
import { CONFIG_FILES, CONFIG_VARIABLES, nearest, variables } from './settings-names.ts';
import { type Settings, TABLE } from './settings-table.ts';
import { tlsProblems } from './settings-tls.ts';

export type { Settings };

/** The settings cannot be used; `lines` says why, one problem each. */
export class SettingsError extends Error {
  readonly lines: readonly string[];

  constructor(lines: readonly string[]) {
    super(lines.join('\n'));
    this.lines = lines;
  }
}

/** What the command line asks the program to do. */
export type Loaded =
  | {
      readonly action: 'start';
      readonly settings: Settings;
      /** Who may call, `auth.root` included. */
      readonly accounts: AccountOptions;
      /** Things to log once there is a log. */
      readonly warnings: readonly string[];
    }
  | { readonly action: 'print'; readonly text: string }
  /** Read a password from standard input and print its hash. */
  | { readonly action: 'hash-password' };

type ReadFile = (path: string) => string;
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Loads the settings. `argv` are the arguments after the program's name; `readFile` gives the text of a file or throws
 * as Node does. Throws `SettingsError`.
 */
export function loadSettings(argv: readonly string[], real: Environment, readFile: ReadFile): Loaded {
  const line = readFlags(argv);
  if (line.kind === 'print') return { action: 'print', text: line.text };
  if (line.kind === 'refused') throw new SettingsError([line.line]);
  if (line.hashPassword) return { action: 'hash-password' };
  const problems: string[] = [];
  const warnings: string[] = [];

  const env = { ...dotEnv(optional('.env', readFile) ?? ''), ...real };
  const file = openFile(line.config, env, readFile);
  const contents = file === undefined ? undefined : readSettingsFile(file.name, file.text);
  problems.push(...(contents?.problems ?? []));
  warnings.push(...(contents?.warnings ?? []));

  const values: Record<string, unknown> = {};
  const sources = new Map<string, string>();
  for (const [path, row] of Object.entries(TABLE)) {
    values[path] = row.default;
    const flag = line.values.get(path);
    const layers = [
      contents === undefined ? undefined : fromFile(path, row, contents.values),
      fromEnvironment(path, row, env, warnings),
      flag === undefined ? undefined : { source: `flag ${flag.flag}`, value: flag.text },
    ];
    for (const given of layers) {
      if (given === undefined) continue;
      const result = row.kind.schema.safeParse(
        typeof given.value === 'string' ? row.kind.read(given.value) : given.value,
      );
      if (result.success) {
        values[path] = result.data;
        sources.set(path, given.source);
      } else problems.push(...refusals(path, row, given, result.error.issues));
    }
  }
  warnings.push(...unknownVariables(env));

  const settings = values as Settings;
  if (!sources.has('auth.enabled') && (settings['auth.users'].length > 0 || settings['auth.api_keys'].length > 0))
    values['auth.enabled'] = true;
  const plan = planAccounts(settings);
  problems.push(...plan.problems);
  warnings.push(...plan.warnings);
  try {
    values['security.kms.master_key_hex'] = masterKey(settings, readFile);
  } catch (error) {
    const from = sources.get('security.kms.master_key_file');
    const file = settings['security.kms.master_key_file'];
    problems.push(`${from}: security.kms.master_key_file ${file} cannot be used: ${(error as Error).message}`);
  }
  problems.push(...chatProblems(settings), ...tlsProblems(settings, readFile));
  const exposed = exposure(settings, sources.get('server.host'));
  if (exposed !== undefined) problems.push(exposed);
  if (settings.memory && sources.has('durability.level') && settings['durability.level'] === 'sync')
    warnings.push(`${sources.get('durability.level')}: durability.level sync changes nothing, since memory is on`);

  if (problems.length > 0) throw new SettingsError(problems);
  if (line.checkConfig)
    return {
      action: 'print',
      text: [...warnings.map((text) => `warning: ${text}`), 'The settings are valid.', ''].join('\n'),
    };
  return { action: 'start', settings, accounts: plan.accounts, warnings };
}

/** The named file, which has to be there, or the usual one if it is. */
function openFile(
  flag: string | undefined,
  env: Environment,
  readFile: ReadFile,
): { name: string; text: string } | undefined {
  const variable = CONFIG_VARIABLES.find((name) => (env[name] ?? '') !== '');
  const named = flag ?? (variable === undefined ? undefined : env[variable]);
  const name = named ?? CONFIG_FILES.find((usual) => optional(usual, readFile) !== undefined);
  if (name === undefined) return undefined;
  try {
    return { name, text: readFile(name) };
  } catch (error) {
    const { code } = error as { code?: string };
    const source =
      flag !== undefined ? 'flag --config' : variable === undefined ? 'settings' : `environment ${variable}`;
    const reason =
      code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'it is a folder' : (error as Error).message;
    throw new SettingsError([`${source}: cannot read ${name}: ${reason}`]);
  }
}

/** The text of a file, `undefined` when there is none; of one that cannot be read, an empty text. */
function optional(path: string, readFile: ReadFile): string | undefined {
  try {
    return readFile(path);
  } catch (error) {
    return (error as { code?: string }).code === 'ENOENT' ? undefined : '';
  }
}

function fromFile(path: string, row: Row<unknown>, contents: ReadonlyMap<string, Given>): Given | undefined {
  for (const place of [path, ...(row.also ?? [])]) {
    const given = contents.get(place);
    if (given !== undefined) return given;
  }
  for (const [place, read] of Object.entries(row.reshaped ?? {})) {
    const given = contents.get(place);
    const value = given === undefined ? undefined : read(given.value);
    if (given !== undefined && value !== undefined) return { ...given, source: `${given.source} (${place})`, value };
  }
  for (const place of row.opposite ?? []) {
    const given = contents.get(place);
    if (given === undefined) continue;
    const value = typeof given.value === 'string' ? row.kind.read(given.value) : given.value;
    return { source: `${given.source} (${place})`, value: typeof value === 'boolean' ? !value : given.value };
  }
  return undefined;
}

/** What Kubernetes puts into the environment of every container beside a service called synap, synapd or progressdb. */
const SERVICE_LINK = /^(tcp|udp|sctp):\/\//;
const SERVICE_VARIABLE = /^(?:SYNAPD|PROGRESSDB)_(SERVICE_(HOST|PORT)|PORT_\d+_)/;

function fromEnvironment(path: string, row: Row<unknown>, env: Environment, warnings: string[]): Given | undefined {
  for (const name of variables(path, row)) {
    const value = env[name];
    if (value === undefined || value === '') continue;
    if (path === 'server.port' && SERVICE_LINK.test(value))
      warnings.push(`environment ${name}: ${value} is the link of a Kubernetes service and not a port, it is ignored`);
    else return { source: `environment ${name}`, value };
  }
  for (const [name, read] of Object.entries(row.foreign ?? {})) {
    const value = read(env[name] ?? '');
    if (value !== undefined) return { source: `environment ${name}`, value };
  }
  return undefined;
}

function unknownVariables(env: Environment): string[] {
  const rows = Object.entries(TABLE);
  const known = new Set([
    ...rows.flatMap(([path, row]) => [...variables(path, row), ...Object.keys(row.foreign ?? {})]),
    ...CONFIG_VARIABLES,
  ]);
  const strange = Object.keys(env).filter(
    (name) => /^(?:SYNAPD|PROGRESSDB)_/.test(name) && !known.has(name) && !SERVICE_VARIABLE.test(name),
  );
  return strange.map((name) => {
    const guess = nearest(name, known);
    return `environment ${name}: there is no such setting, it is ignored${guess === undefined ? '' : `; did you mean ${guess}?`}`;
  });
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

function refusals(path: string, row: Row<unknown>, given: Given, issues: readonly Issue[]): string[] {
  if (row.kind.form !== 'structure') {
    const shown = row.secret === true ? 'this value' : show(given.value);
    return [`${given.source}: ${shown} is not allowed: ${path} must be ${row.kind.allowed}`];
  }
  return issues.map((issue) => {
    const place = issue.path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
    const source = given.within?.(issue.path) ?? given.source;
    return issue.path.length === 0 && !Array.isArray(given.value)
      ? `${source}: ${path} must be ${row.kind.allowed}`
      : `${source}: ${path}${place}: ${issue.message}`;
  });
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

/** Why it is not safe to listen on this address, if it is not. */
function exposure(settings: Settings, source: string | undefined): string | undefined {
  const host = settings['server.host'];
  const loopback = /^127(\.\d{1,3}){3}$/.test(host) || host === '::1' || host.toLowerCase() === 'localhost';
  if (loopback || settings['auth.enabled'] || settings['server.allow_insecure']) return undefined;
  return (
    `${source ?? 'default'}: server.host ${host} can be reached from other machines, but nobody is asked for credentials: ` +
    'set auth.enabled with auth.users or auth.api_keys, or say --insecure'
  );
}
