import type { Security } from '../core/security.ts';
import { noSecurity } from '../core/security.ts';

/** Of one source, its own or those of the section `zmq`. */
export interface SecurityValue {
  readonly plainUsername: string | null;
  readonly plainPassword: string | null;
}

/** `key` is the last part of the setting's name. */
export interface SecurityComplaint {
  readonly key: keyof SecurityValue;
  readonly message: string;
}

const maxBytes = 255;

/** The mechanism that the settings of a source ask for, or what is wrong with them. Says nothing that is secret. */
export function readSecurity({ plainUsername, plainPassword }: SecurityValue): Security | readonly SecurityComplaint[] {
  if (plainUsername === null && plainPassword === null) return noSecurity;
  if (plainUsername === null) return [missing('plainUsername', 'plainPassword')];
  if (plainPassword === null) return [missing('plainPassword', 'plainUsername')];
  const complaints = [...tooLong('plainUsername', plainUsername), ...tooLong('plainPassword', plainPassword)];
  return complaints.length > 0 ? complaints : { mechanism: 'PLAIN', username: plainUsername, password: plainPassword };
}

function missing(key: keyof SecurityValue, other: keyof SecurityValue): SecurityComplaint {
  return { key, message: `is not set, but ${other} is: PLAIN needs both; set it, or unset ${other}` };
}

function tooLong(key: keyof SecurityValue, text: string): SecurityComplaint[] {
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxBytes) return [];
  return [
    { key, message: `has ${bytes} bytes: PLAIN allows ${maxBytes}, choose a shorter one here and in the engines` },
  ];
}
