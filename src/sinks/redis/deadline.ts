import type { Command } from 'ioredis';

/**
 * Rejects a command that is not answered in time. There is one timer for all, since the library's way, to make and clear one
 * for each command, costs as much as to write a record. It watches one command; one beside it needs the library's way.
 */
export class Deadline {
  #command: Command | null = null;
  #timer: NodeJS.Timeout | null = null;

  get isTaken(): boolean {
    return this.#command !== null;
  }

  /** Gives it so many milliseconds: the same for every command. */
  begin(command: Command, ms: number): void {
    this.#command = command;
    this.#timer = this.#timer?.refresh() ?? setTimeout(() => this.#lapse(), ms).unref();
  }

  /** There is an answer, or none will come. */
  end(command: Command): void {
    if (this.#command === command) this.#command = null;
  }

  #lapse(): void {
    // As the library says it.
    this.#command?.reject(new Error('Command timed out'));
  }
}
