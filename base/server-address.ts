/** How a server that is not AWS is named in options: its address and its certificates, checked, with nothing secret in what is said about them. */
import { readFileSync } from 'node:fs';

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|\[::1\]|localhost)$/;

export const isLoopback = ({ hostname }: URL): boolean => LOOPBACK.test(hostname);

/** `example`: an address as it should be. */
export function addressFaults(text: string, url: URL | undefined, example: string): string[] {
  if (url === undefined || !/^https?:$/.test(url.protocol))
    return [`${JSON.stringify(withoutSecrets(text))} is no address such as ${example}`];
  return url.username === '' && url.password === '' ? [] : ['no user and password belong there'];
}

const withoutSecrets = (url: string): string => url.replace(/^((?:[a-z]+:)?\/\/)?.*@/i, '$1…@');

export interface Certificates {
  readonly ca?: string;
  readonly faults: readonly string[];
}

/** `given`: PEM text, or a file of it. */
export function certificatesIn(given: string): Certificates {
  if (given.includes(PEM)) return { ca: given, faults: [] };
  try {
    const ca = readFileSync(given, 'utf8');
    return ca.includes(PEM) ? { ca, faults: [] } : { faults: [`ca: ${given} holds no certificate in PEM form`] };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return { faults: [`ca: ${given} can not be read: ${code}`] };
  }
}

const PEM = '-----BEGIN CERTIFICATE-----';
