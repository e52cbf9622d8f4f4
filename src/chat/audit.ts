/**
 * The audit trail: what retention removed and what admins did with keys (progressdb.md 5.6).
 *
 * Invariant: entries are numbered without gaps and never changed; the last `LIMITS.chatAudit` are kept, over restarts.
 */
import { LIMITS } from '../core/limits.ts';
import type { Log, Plain, Store } from '../core/ports.ts';
import { numberKey, readNumberKey } from './record-key.ts';

/** Records `<number>`: entries of the trail. */
export const AUDIT = 'chat.audit';

/** What an entry is about; the reference's names. */
export type AuditEvent =
  | 'retention_audit_header'
  | 'retention_audit_item'
  | 'retention_audit_footer'
  | 'admin_rotate_thread_dek'
  | 'admin_rewrap_deks'
  | 'admin_encrypt_existing'
  | 'admin_generate_kek';

/** One entry. `at` is in Unix milliseconds; `fields` never hold keys or texts of messages. */
export interface AuditEntry {
  readonly no: number;
  readonly at: number;
  readonly event: AuditEvent;
  readonly fields: { readonly [name: string]: Plain };
}

export class Audit {
  readonly #store: Store;
  readonly #log: Log;
  #entries: AuditEntry[] = [];
  #next = 1;
  /** The number of the oldest record in the store. */
  #oldest = 1;

  constructor(store: Store, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  add(event: AuditEvent, fields: AuditEntry['fields'], now: number): void {
    const no = this.#next++;
    this.#entries.push({ no, at: now, event, fields });
    this.#store.put(AUDIT, numberKey(no), { at: now, event, fields });
    this.#log.info({ audit: event, ...fields }, 'audit');
    for (; no - this.#oldest >= LIMITS.chatAudit; this.#oldest++) this.#store.remove(AUDIT, numberKey(this.#oldest));
    if (this.#entries.length >= 2 * LIMITS.chatAudit) this.#entries = this.#entries.slice(-LIMITS.chatAudit);
  }

  /** The last entries, the newest first. */
  last(count: number): AuditEntry[] {
    return this.#entries.slice(-Math.min(count, LIMITS.chatAudit)).reverse();
  }

  restore(key: string, value: Plain): void {
    const no = readNumberKey(key);
    const { at, event, fields } = value as unknown as Omit<AuditEntry, 'no'>;
    if (this.#entries.length === 0) this.#oldest = no;
    this.#entries.push({ no, at, event, fields });
    this.#next = no + 1;
  }
}
