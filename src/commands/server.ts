/**
 * Commands about the server itself.
 */
import * as z from 'zod';
import { invalidValue } from '../core/errors.ts';
import { command } from './define.ts';

const NAME = /^[\w-][\w.-]{0,99}$/;

const Backup = z.object({
  name: z.string().meta({ description: 'Folder of the copy, below the backup folder of the settings.' }),
  bytes: z.int(),
  ms: z.int(),
});

export const serverBackup = command({
  name: 'server.backup',
  id: 800,
  since: '0.1.0',
  summary: 'Write a consistent copy of the data of one moment, while work goes on.',
  notes:
    'The copy is a new folder below `backup_dir`. `synapd check` verifies it, `synapd restore` makes a data folder of it.',
  access: 'admin',
  resource: () => 'admin:backup',
  effect: 'read',
  input: z.object({
    name: z.string().nullish().meta({ description: 'Letters, digits, `_`, `-` and `.`; default the time.' }),
  }),
  output: Backup,
  errors: ['INVALID_REQUEST', 'INVALID_VALUE'],
  rest: {
    route: 'POST /snapshot',
    reply: ({ name, bytes, ms }) => ({ success: true, message: 'Snapshot triggered successfully', name, bytes, ms }),
  },
  example: { input: { name: 'before-upgrade' }, output: { name: 'before-upgrade', bytes: 32_768, ms: 3 } },
  run({ backups, now }, p) {
    const name =
      p.name ??
      new Date(now)
        .toISOString()
        .replaceAll(/[-:]/g, '')
        .replace(/\.(\d+)Z$/, '-$1');
    if (!NAME.test(name)) invalidValue('name must be letters, digits, _, - and ., at most 100');
    return backups.start(name).then(({ bytes, ms }) => ({ name, bytes, ms: Math.round(ms) }));
  },
});

export const serverBackupStatus = command({
  name: 'server.backup_status',
  id: 801,
  since: '0.1.0',
  summary: 'How far a running backup is.',
  access: 'admin',
  resource: () => 'admin:backup',
  effect: 'read',
  input: z.object({}),
  output: z.object({ running: z.string().nullable(), done_bytes: z.int(), total_bytes: z.int() }),
  errors: [],
  example: { input: {}, output: { running: null, done_bytes: 0, total_bytes: 0 } },
  run: ({ backups }) => {
    const { name, done, total } = backups.progress;
    return { running: name ?? null, done_bytes: done, total_bytes: total };
  },
});
