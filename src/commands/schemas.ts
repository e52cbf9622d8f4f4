/**
 * The fields that commands share. A schema says the type and its range; how long a name or how large a value may be is
 * the engine's matter, because a value that is refused is not a field that is absent (synap-core.md 1.6-4).
 */
import * as z from 'zod';
import { JsonFloat } from '../core/json.ts';

const U64_MAX = 18_446_744_073_709_551_615n;
const I64_MIN = -9_223_372_036_854_775_808n;
const I64_MAX = 9_223_372_036_854_775_807n;

/** An integer from 0 to 2^64 - 1: `number` while exact, else `bigint`. */
export const U64 = z
  .union([z.int().min(0), z.bigint().min(0n).max(U64_MAX)])
  .meta({ id: 'U64', description: 'Unsigned 64-bit integer, written without fraction or exponent.' });

/** An integer from -2^63 to 2^63 - 1: `number` while exact, else `bigint`. */
export const I64 = z
  .union([z.int(), z.bigint().min(I64_MIN).max(I64_MAX)])
  .meta({ id: 'I64', description: 'Signed 64-bit integer, written without fraction or exponent.' });

/** A whole number from 0 to 2^32 - 1. */
export const U32 = z.int().min(0).max(4_294_967_295);

/** A whole number from 0 to 255. */
export const U8 = z.int().min(0).max(255);

/** Any JSON value, `null` included; the member must be present. */
export const Json = z
  .unknown()
  .refine((value) => value !== undefined, 'required')
  .meta({ id: 'Json', description: 'Any JSON value, null included.' });

/** A number printed with a fraction even when whole, such as a rate. */
export const Float = z
  .custom<JsonFloat>((value) => value instanceof JsonFloat)
  .meta({ id: 'Float', description: 'A number with a fraction.' });

/** The name of a key: any text. */
export const Key = z.string().meta({ description: 'The key: any text.' });

/** Bytes to be answered, on the wire an array of integers from 0 to 255 (synap-core.md 1.7-5). */
export const ByteArray = z
  .custom<Uint8Array>((value) => value instanceof Uint8Array)
  .meta({ id: 'ByteArray', description: 'Bytes as integers from 0 to 255.' });

/** A boolean that counts as `false` when absent. Not a default of the schema: filling four of those in costs as much as a get. */
export const Flag = z.boolean().optional();

/** A boolean that is `false` when absent, for rows where that has to be a value. */
export const Switch = z.boolean().default(false);

/** A map of strings. */
export const TextMap = z.record(z.string(), z.string());

/** Bytes, on the wire an array of integers from 0 to 255 (synap-core.md 1.7-5). */
export const Bytes = z.array(U8);

/** `true`, as confirmation. */
export const Done = z.literal(true);
