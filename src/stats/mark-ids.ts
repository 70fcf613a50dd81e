const maxIds = 100_000;

/** Ids of control records that stand for no batch: they are few, and remembered as they are. */
export class MarkIds {
  readonly #ids = new Set<string>();
  /** Whether some were forgotten: one of those that came again would not be noticed. */
  isApproximate = false;

  /** False where it was there before. */
  take(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    const [oldest] = this.#ids;
    if (this.#ids.size > maxIds && oldest !== undefined) {
      this.#ids.delete(oldest);
      this.isApproximate = true;
    }
    return true;
  }
}
