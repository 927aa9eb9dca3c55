/** /data/inputs/<scheme>: the stanzas of a modular input. */
import { created, entries, formOf, ok, refused, type Answer, type Asked } from './answers.ts';

export type Stanza = Readonly<Record<string, string>>;

export class Inputs {
  /** By scheme and name; tests put stanzas here. */
  readonly stanzas = new Map<string, Stanza>();
  /** Each edit that makes splunkd start the input anew, and each reload: `edit kinesis_log/main`. */
  readonly happened: string[] = [];

  answer(asked: Asked): Answer {
    const [scheme = '', name, action] = asked.path;
    if (name === undefined) return asked.method === 'POST' ? this.#create(asked, scheme) : this.#list(asked, scheme);
    if (name === '_reload') return this.#done(`reload ${scheme}`);
    const stanza = this.stanzas.get(`${scheme}/${name}`);
    if (stanza === undefined) return refused(404, `Could not find object id=${name}`);
    return this.#one(asked, `${scheme}/${name}`, { ...stanza }, action);
  }

  #one(asked: Asked, key: string, stanza: Stanza, action: string | undefined): Answer {
    if (action !== undefined) return this.#edit(key, { ...stanza, disabled: action === 'disable' ? '1' : '0' });
    if (asked.method === 'POST') return this.#edit(key, { ...stanza, ...given(asked) });
    const name = key.slice(key.indexOf('/') + 1);
    if (asked.method === 'GET') return entries([{ name, app: asked.app, content: stanza }]);
    this.stanzas.delete(key);
    return this.#done(`remove ${key}`);
  }

  #list(asked: Asked, scheme: string): Answer {
    const own = [...this.stanzas].filter(([key]) => key.startsWith(`${scheme}/`));
    return entries(
      own.map(([key, content]) => ({ name: key.slice(scheme.length + 1), app: asked.app, content })),
      asked.parameters,
    );
  }

  #create(asked: Asked, scheme: string): Answer {
    const { name = '', ...rest } = given(asked);
    if (this.stanzas.has(`${scheme}/${name}`)) return refused(409, `An input with name=${name} already exists`);
    this.#edit(`${scheme}/${name}`, { disabled: '0', ...rest });
    return created({});
  }

  #edit(key: string, stanza: Stanza): Answer {
    this.stanzas.set(key, stanza);
    return this.#done(`edit ${key}`);
  }

  #done(what: string): Answer {
    this.happened.push(what);
    return ok({ entry: [], messages: [] });
  }
}

function given(asked: Asked): Stanza {
  return Object.fromEntries(Object.entries(formOf(asked)).filter(([name]) => name !== 'output_mode'));
}
