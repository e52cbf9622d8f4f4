/**
 * A stored value: text, or bytes that are not UTF-8.
 */

/** Text whenever the bytes are UTF-8, else the bytes. Never changed once stored: a change is a new value. */
export type Value = string | Uint8Array;
