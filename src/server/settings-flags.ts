/**
 * The command line: flags from the table, and the few that are not settings.
 */
import { Command, CommanderError, Option } from 'commander';
import { FOREIGN_FLAGS, twoDashes } from './settings-foreign.ts';
import { CONFIG_FILE, flagName, variables } from './settings-names.ts';
import { GROUPS } from './settings-table.ts';
import { VERSION } from './version.ts';

/** What the command line says: text to print and nothing else to do, a line of refusal, or flags. */
export type CommandLine =
  | { readonly kind: 'print'; readonly text: string }
  | { readonly kind: 'refused'; readonly line: string }
  | {
      readonly kind: 'flags';
      /** Texts of the given flags, by the path of their setting. */
      readonly values: ReadonlyMap<string, { readonly flag: string; readonly text: string }>;
      readonly config: string | undefined;
      readonly checkConfig: boolean;
      readonly hashPassword: boolean;
    };

/** Reads the arguments after the name of the program. */
export function readFlags(argv: readonly string[]): CommandLine {
  let printed = '';
  const program = new Command('synapd')
    .description('An in-memory data server: key-value, queues, streams and pub/sub over HTTP.')
    .usage('[options]')
    .helpOption('-h, --help', 'Show this text.')
    .version(VERSION, '-V, --version', 'Show the version.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        printed += text;
      },
      writeErr: () => {},
      getOutHelpWidth: () => 120,
      getOutHasColors: () => false,
    })
    .option('-c, --config <file>', `Settings file in YAML (${CONFIG_FILE} if it is there; SYNAPD_CONFIG).`)
    .option('--check-config', 'Check the settings and end.')
    .option('--hash-password', 'Read a password from standard input and print the hash for auth.users.');
  const options: { option: Option; path: string }[] = [];
  for (const { title, rows } of GROUPS) {
    program.optionsGroup(`${title}:`);
    for (const [path, row] of Object.entries(rows)) {
      const name = flagName(path, row);
      if (name === undefined) continue;
      const note = [row.unit, `default ${row.default === '' ? 'none' : row.default}`, variables(path, row)[0]];
      const option = new Option(`--${name} ${row.kind.hint}`, `${row.about} (${note.filter(Boolean).join('; ')})`);
      program.addOption(option);
      options.push({ option, path });
    }
  }
  program.optionsGroup('Other names:');
  const others = FOREIGN_FLAGS.map(({ name, hint, about, means }) => {
    const option = new Option(`--${name} ${hint}`, about);
    program.addOption(option);
    return { option, means };
  });
  program.addHelpText(
    'after',
    '\nFlags go before variables, variables before the settings file, the file before the defaults.',
  );
  try {
    program.parse(twoDashes(argv), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: 'print', text: printed };
    return { kind: 'refused', line: error.message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ') };
  }
  const given = program.opts<Record<string, unknown>>();
  const values = new Map<string, { flag: string; text: string }>();
  for (const { option, means } of others) {
    const value = given[option.attributeName()];
    if (value === undefined) continue;
    for (const [path, text] of means(String(value))) values.set(path, { flag: option.long ?? '', text });
  }
  for (const { option, path } of options) {
    const value = given[option.attributeName()]; // `true` stands for a flag without a value
    if (value !== undefined) values.set(path, { flag: option.long ?? '', text: String(value) });
  }
  return {
    kind: 'flags',
    values,
    config: given['config'] as string | undefined,
    checkConfig: given['checkConfig'] === true,
    hashPassword: given['hashPassword'] === true,
  };
}
