/** A map costs more than looking through so many. */
const few = 8;

/** Numbers names in the order in which they come, from 1 as Lua counts. In most calls there is one. */
export class Numbering {
  readonly #names: string[] = [];
  /** Null while there are few. */
  #numbers: Map<string, number> | null = null;

  get names(): readonly string[] {
    return this.#names;
  }

  /** Undefined: the name is new. */
  numberOf(name: string): number | undefined {
    if (this.#numbers !== null) return this.#numbers.get(name);
    const index = this.#names.indexOf(name);
    return index < 0 ? undefined : index + 1;
  }

  /** Number of a name that is new. */
  add(name: string): number {
    const number = this.#names.push(name);
    if (this.#numbers !== null) this.#numbers.set(name, number);
    else if (number > few) this.#numbers = new Map(this.#names.map((one, index) => [one, index + 1]));
    return number;
  }
}
