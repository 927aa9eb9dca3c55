/** /data/inputs/<scheme>: the stanzas of a modular input. */
import { created, entries, formOf, ok, refused, type Answer, type Asked } from './answers.ts';

export type Stanza = Readonly<Record<string, string>>;

/** Whoever runs the inputs, told as it happens. */
export interface InputRunner {
  /** Asked before anything is stored, as splunkd asks the input itself: why the stanza is refused. */
  refusal(scheme: string, name: string, stanza: Stanza): Promise<string | undefined>;
  /** An edit, a removal or a reload is in force; an empty name means all stanzas. */
  changed(scheme: string, name: string): void;
}

export class Inputs {
  runner: InputRunner | undefined;
  /** By scheme and name; tests put stanzas here. */
  readonly stanzas = new Map<string, Stanza>();
  /** What an inputs.conf with more weight says, by the same keys; edits do not reach it. */
  readonly overriding = new Map<string, Stanza>();
  /** Each edit that makes splunkd start the input anew, and each reload: `edit kinesis_log/main`. */
  readonly happened: string[] = [];

  async answer(asked: Asked): Promise<Answer> {
    const [scheme = '', name, action] = asked.path;
    if (name === undefined) return asked.method === 'POST' ? this.#create(asked, scheme) : this.#list(asked, scheme);
    if (name === '_reload') return this.#done('reload', scheme);
    const stanza = this.stanzas.get(`${scheme}/${name}`);
    if (stanza === undefined) return refused(404, `Could not find object id=${name}`);
    return this.#one(asked, `${scheme}/${name}`, { ...stanza }, action);
  }

  /** What the input is started with. */
  effective(key: string): Stanza {
    return { ...this.stanzas.get(key), ...this.overriding.get(key) };
  }

  /** /configs/conf-inputs/<scheme>://<name>: as the file of the app has it. */
  configured(asked: Asked): Answer {
    const name = asked.path[0] ?? '';
    const stanza = this.stanzas.get(name.replace('://', '/'));
    return stanza === undefined ? refused(404, `${name} does not exist`) : entries([{ name, content: stanza }]);
  }

  async #one(asked: Asked, key: string, stanza: Stanza, action: string | undefined): Promise<Answer> {
    if (action !== undefined) return this.#edit(key, { ...stanza, disabled: action === 'disable' ? '1' : '0' });
    if (asked.method === 'POST') return this.#checked(key, { ...stanza, ...given(asked) });
    const name = key.slice(key.indexOf('/') + 1);
    if (asked.method === 'GET') return entries([{ name, app: asked.app, content: stanza }]);
    this.stanzas.delete(key);
    return this.#done('remove', key);
  }

  #list(asked: Asked, scheme: string): Answer {
    const own = [...this.stanzas].filter(([key]) => key.startsWith(`${scheme}/`));
    return entries(
      own.map(([key, content]) => ({ name: key.slice(scheme.length + 1), app: asked.app, content })),
      asked.parameters,
    );
  }

  async #create(asked: Asked, scheme: string): Promise<Answer> {
    const { name = '', ...rest } = given(asked);
    if (this.stanzas.has(`${scheme}/${name}`)) return refused(409, `An input with name=${name} already exists`);
    const answer = await this.#checked(`${scheme}/${name}`, { disabled: '0', ...rest });
    return answer.status === 200 ? created({}) : answer;
  }

  async #checked(key: string, stanza: Stanza): Promise<Answer> {
    const text = await this.runner?.refusal(...partsOf(key), stanza);
    return text === undefined ? this.#edit(key, stanza) : refused(400, text);
  }

  #edit(key: string, stanza: Stanza): Answer {
    this.stanzas.set(key, stanza);
    return this.#done('edit', key);
  }

  #done(what: string, key: string): Answer {
    this.happened.push(`${what} ${key}`);
    this.runner?.changed(...partsOf(key));
    return ok({ entry: [], messages: [] });
  }
}

/** Scheme and name. */
function partsOf(key: string): [scheme: string, name: string] {
  const slash = key.indexOf('/');
  return slash < 0 ? [key, ''] : [key.slice(0, slash), key.slice(slash + 1)];
}

function given(asked: Asked): Stanza {
  return Object.fromEntries(Object.entries(formOf(asked)).filter(([name]) => name !== 'output_mode'));
}
