/** The cookies of one connection: load balancers use them to lead all its requests to one server. Pure. */

/** That are kept; balancers use one or two. */
const MOST = 20;

export class Cookies {
  readonly #known = new Map<string, { readonly value: string; sticky: boolean }>();

  /** For the next request; empty without any. */
  get header(): string {
    return [...this.#known].map(([name, { value }]) => `${name}=${value}`).join('; ');
  }

  /** `lines`: Set-Cookie of an answer. True when they say that another server has answered: a cookie has changed that had kept its value. A balancer that gives a
   *  new value with every answer says nothing by it. */
  keep(lines: readonly string[]): boolean {
    const given = new Map(lines.flatMap(cookieIn));
    let moved = false;
    for (const [name, known] of this.#known) {
      const same = (given.get(name) ?? known.value) === known.value;
      moved ||= known.sticky && !same;
      known.sticky ||= same;
    }
    for (const [name, value] of given) this.#take(name, value);
    return moved;
  }

  #take(name: string, value: string): void {
    const known = this.#known.get(name);
    if (known?.value === value || (known === undefined && this.#known.size >= MOST)) return;
    this.#known.set(name, { value, sticky: false });
  }
}

/** Name and value (RFC 6265, 4.1.1); what else a server says about a cookie concerns browsers. */
function cookieIn(line: string): [string, string][] {
  const pair = /^\s*([\w!#$%&'*.^`|~+-]+)=([\x21-\x3a\x3c-\x7e]*)\s*(?:;|$)/.exec(line);
  return pair === null ? [] : [[pair[1]!, pair[2]!]];
}
