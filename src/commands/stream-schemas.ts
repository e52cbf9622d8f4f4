/**
 * Where a read of a room or partition starts, in bodies and in queries.
 */
import * as z from 'zod';
import { u64 } from './readers.ts';
import { U64 } from './schemas.ts';

/** Where a read starts; `earliest` and `latest` are an addition (9-13). */
export const FromOffset = z
  .union([U64, z.enum(['earliest', 'latest'])])
  .nullish()
  .meta({ description: 'Offset, `earliest` or `latest`; default 0.' });

/** Reads a query's `from_offset`: a number, a word, or absent when it is neither (4.1). */
export const fromOffset = (value: string | undefined): unknown =>
  value === 'earliest' || value === 'latest' ? value : u64(value);
