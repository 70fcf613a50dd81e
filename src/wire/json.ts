export type Json = null | boolean | number | string | readonly Json[] | JsonObject;

/** Without a prototype wherever keys come off the wire: `__proto__` is a key like any other. */
export interface JsonObject {
  readonly [key: string]: Json;
}

/** A `JsonObject` while it is being built. */
export type MutableJsonObject = { [key: string]: Json };

export function emptyObject(): MutableJsonObject {
  return Object.create(null) as MutableJsonObject;
}
