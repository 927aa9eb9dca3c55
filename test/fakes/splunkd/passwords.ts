/** /storage/passwords: secrets of an app, by realm and name. */
import type { Faults } from './faults.ts';
import { created, entries, formOf, ok, refused, type Answer, type Asked, type Entry } from './answers.ts';

interface Secret {
  readonly app: string;
  readonly realm: string;
  readonly username: string;
  readonly password: string;
}

export class Passwords {
  readonly #secrets = new Map<string, Secret>();
  #masked = false;

  /** What is stored, for assertions. */
  clear(app: string, realm: string, username: string): string | undefined {
    return this.#secrets.get(`${app}/${idOf(realm, username)}`)?.password;
  }

  /** For tests that begin with something stored. */
  put(app: string, realm: string, username: string, password: string): void {
    this.#secrets.set(`${app}/${idOf(realm, username)}`, { app, realm, username, password });
  }

  answer(asked: Asked, faults: Pick<Faults, 'denied' | 'maskedPasswords'>): Answer {
    const capability = asked.method === 'GET' ? 'list_storage_passwords' : 'edit_storage_passwords';
    if (faults.denied.has(capability))
      return refused(
        403,
        `You (user=splunk-system-user) do not have permission to perform this operation (requires capability: ${capability}).`,
      );
    this.#masked = faults.maskedPasswords;
    return this.#answer(asked);
  }

  #answer(asked: Asked): Answer {
    const [id] = asked.path;
    if (id !== undefined) return this.#one(asked, id);
    if (asked.method === 'POST') return this.#create(asked);
    const secrets = [...this.#secrets.values()].filter(({ app }) => asked.app === '-' || app === asked.app);
    return entries(
      secrets.map((secret) => this.#entryOf(secret)),
      asked.parameters,
    );
  }

  #create(asked: Asked): Answer {
    const { name = '', password = '', realm = '' } = formOf(asked);
    if (asked.app === '-') return refused(400, 'Cannot create an object in the app context "-"');
    if (name === '' || password === '')
      return refused(400, 'The following required arguments are missing: name, password.');
    const key = `${asked.app}/${idOf(realm, name)}`;
    if (this.#secrets.has(key))
      return refused(409, `Cannot perform action "POST" because object exists: ${idOf(realm, name)}`);
    const secret = { app: asked.app, realm, username: name, password };
    this.#secrets.set(key, secret);
    return created((entries([this.#entryOf(secret)]) as { json: unknown }).json);
  }

  #one(asked: Asked, id: string): Answer {
    const key = [...this.#secrets.keys()].find(
      (one) =>
        (asked.app === '-' || one.startsWith(`${asked.app}/`)) &&
        one.slice(one.indexOf('/') + 1) === (id.endsWith(':') ? id : `:${id}:`),
    );
    const secret = key === undefined ? undefined : this.#secrets.get(key);
    if (key === undefined || secret === undefined) return refused(404, `Could not find object id=${id}`);
    if (asked.method === 'GET') return entries([this.#entryOf(secret)]);
    if (asked.method === 'DELETE') {
      this.#secrets.delete(key);
      return ok({ entry: [], messages: [] });
    }
    const { password, ...others } = formOf(asked);
    if (password === undefined || Object.keys(others).some((name) => name !== 'output_mode'))
      return refused(400, `Argument "${Object.keys(others)[0] ?? 'password'}" is not supported by this handler.`);
    this.#secrets.set(key, { ...secret, password });
    return entries([this.#entryOf({ ...secret, password })]);
  }

  #entryOf({ app, realm, username, password }: Secret): Entry {
    const shown = this.#masked ? '********' : password;
    return {
      name: idOf(realm, username),
      app,
      content: { realm, username, clear_password: shown, password: '********', encr_password: '$7$encrypted' },
    };
  }
}

/** `realm:name:`, a colon within either escaped. */
function idOf(realm: string, name: string): string {
  const escaped = (part: string) => part.replaceAll(':', '\\:');
  return `${escaped(realm)}:${escaped(name)}:`;
}
