/**
 * From settings to what the chat engine takes.
 */
import { type Cron, readCron } from '../chat/cron.ts';
import { readEncryptedField } from '../chat/keyring.ts';
import { type FieldPath, readPath } from '../chat/paths.ts';
import { readPeriod } from '../chat/period.ts';
import { readHexKey } from '../chat/sealing.ts';
import type { ChatOptions } from '../chat/types.ts';
import type { RulePath, ValidationRules } from '../chat/validation.ts';
import type { Settings } from './settings.ts';
import type { WrittenRules } from './settings-chat.ts';

/** The options; what settings hold has been checked by their rows. */
export function chatOptions(settings: Settings): ChatOptions {
  const key = readHexKey(settings['security.kms.master_key_hex']);
  const rules = rulesOf(settings.validation);
  return {
    autoCreate: settings['chat.auto_create'],
    openPosting: settings['chat.open_posting'],
    ...(rules === undefined ? {} : { rules }),
    encryption: {
      enabled: settings['security.encryption.use'],
      masterKeys: key === undefined ? [] : [key],
      fields: settings['security.encryption.fields'].map((path) => readEncryptedField(path) as FieldPath),
    },
    retention: {
      enabled: settings['retention.enabled'],
      cron: readCron(settings['retention.cron']) as Cron,
      periodMs: readPeriod(settings['retention.period']) as number,
      messagePeriodMs: readPeriod(settings['retention.message_period'] || settings['retention.period']) as number,
      dryRun: settings['retention.dry_run'],
      paused: settings['retention.paused'],
      batchSize: settings['retention.batch_size'],
      batchSleepMs: settings['retention.batch_sleep_ms'],
    },
  };
}

/** Whether chat has API keys of its own. */
export function hasChatKeys(settings: Settings): boolean {
  const classes = ['backend', 'frontend', 'admin', 'signing'] as const;
  return classes.some((name) => settings[`security.api_keys.${name}`].length > 0);
}

const place = (text: string): RulePath => ({ text, path: readPath(text) as FieldPath });

/** The rules, or nothing when there are none, so that no message is looked at in vain. */
function rulesOf(written: WrittenRules): ValidationRules | undefined {
  const rules: ValidationRules = {
    required: written.required.map(place),
    types: written.types.map(({ path, type }) => ({ at: place(path), type })),
    maxLengths: written.max_len.map(({ path, max }) => ({ at: place(path), max })),
    enums: written.enums.map(({ path, values }) => ({ at: place(path), values })),
    whenThen: written.when_then.map(({ when, then }) => ({
      when: place(when.path),
      equals: when.equals,
      required: then.required.map(place),
    })),
  };
  return Object.values(rules).some((kind) => kind.length > 0) ? rules : undefined;
}
