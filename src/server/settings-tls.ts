/**
 * Whether the port speaks TLS, and with what (progressdb.md 6.3).
 *
 * Invariant: a certificate that cannot be used refuses the start; the server never falls back to plain HTTP.
 */
import { createSecureContext } from 'node:tls';
import type { Settings } from './settings-table.ts';

/** The files of the port's certificate. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/** The files, when TLS is configured. */
export function tlsFiles(settings: Settings): TlsFiles | undefined {
  const { 'server.tls.cert_file': cert, 'server.tls.key_file': key } = settings;
  return cert === '' || key === '' ? undefined : { cert, key };
}

/** Why the certificate cannot be used, one line each. `readFile` gives a text or throws as Node does. */
export function tlsProblems(settings: Settings, readFile: (path: string) => string): string[] {
  const { 'server.tls.cert_file': cert, 'server.tls.key_file': key } = settings;
  if ((cert === '') !== (key === ''))
    return ['server.tls.cert_file and server.tls.key_file belong together: only one of them is set'];
  if (cert === '') return [];
  const problems: string[] = [];
  const read = (path: string, setting: string): string => {
    try {
      return readFile(path);
    } catch (error) {
      problems.push(`${setting} ${path} cannot be read: ${(error as Error).message}`);
      return '';
    }
  };
  const pem = { cert: read(cert, 'server.tls.cert_file'), key: read(key, 'server.tls.key_file') };
  if (problems.length > 0) return problems;
  try {
    createSecureContext(pem);
  } catch (error) {
    problems.push(
      `server.tls.cert_file ${cert} and server.tls.key_file ${key} cannot be used: ${(error as Error).message}`,
    );
  }
  return problems;
}
