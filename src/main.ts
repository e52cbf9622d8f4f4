#!/usr/bin/env node
/**
 * The process: reads settings, starts the server, obeys signals.
 *
 * Exit codes: 0 after a stop that was asked for, 1 when the server cannot start or is told to stop twice, 2 for a fault.
 */
import { runDaemon } from './server/lifecycle.ts';

await runDaemon(process.argv.slice(2), process.env);
