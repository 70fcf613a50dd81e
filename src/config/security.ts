import type { CurveSecurity, PlainSecurity, Security } from '../core/security.ts';
import { noSecurity } from '../core/security.ts';
import { fromZ85 } from '../wire/z85.ts';

/** Of one source, its own or those of the section `zmq`. */
export interface SecurityValue {
  readonly plainUsername: string | null;
  readonly plainPassword: string | null;
  readonly curveServerKey: string | null;
  readonly curveSecretKey: string | null;
  readonly curveAllow: readonly string[];
}

/** What else of the source matters. */
export interface SecurityUse {
  readonly mode: 'bind' | 'connect';
  readonly replay: string | null;
  readonly transport: string;
}

/** `key` is the last part of the setting's name. Nothing in it is secret. */
export interface SecurityComplaint {
  readonly key: keyof SecurityValue | 'transport';
  readonly message: string;
}

type Complain = (key: SecurityComplaint['key'], message: string) => void;

const maxBytes = 255;

/** The mechanism that the settings of a source ask for, and what is wrong with them. */
export function readSecurity(
  value: SecurityValue,
  use: SecurityUse,
): { readonly security: Security; readonly complaints: readonly SecurityComplaint[] } {
  const complaints: SecurityComplaint[] = [];
  const complain: Complain = (key, message) => complaints.push({ key, message });
  const [plain, curve] = [hasPlain(value), hasCurve(value)];
  if (plain && curve) {
    complain(
      value.plainUsername === null ? 'plainPassword' : 'plainUsername',
      'is set beside CURVE keys: a source has one mechanism; unset plainUsername and plainPassword, or the keys',
    );
  } else if (plain) return { security: readPlain(value, complain), complaints };
  else if (curve) return { security: readCurve(value, use, complain), complaints };
  return { security: noSecurity, complaints };
}

/** The defaults that go with what a source says itself: those of the other mechanism do not. */
export function inherited<T extends SecurityValue>(defaults: T, own: Partial<SecurityValue>): T {
  const none = { plainUsername: null, plainPassword: null };
  const noCurve = { curveServerKey: null, curveSecretKey: null, curveAllow: [] };
  return {
    ...defaults,
    ...(hasCurve(own) && !hasPlain(own) && none),
    ...(hasPlain(own) && !hasCurve(own) && noCurve),
  };
}

function hasPlain({ plainUsername = null, plainPassword = null }: Partial<SecurityValue>): boolean {
  return plainUsername !== null || plainPassword !== null;
}

function hasCurve({ curveServerKey = null, curveSecretKey = null, curveAllow = [] }: Partial<SecurityValue>): boolean {
  return curveServerKey !== null || curveSecretKey !== null || curveAllow.length > 0;
}

function readPlain({ plainUsername, plainPassword }: SecurityValue, complain: Complain): PlainSecurity {
  const both = [
    ['plainUsername', plainUsername, 'plainPassword'],
    ['plainPassword', plainPassword, 'plainUsername'],
  ] as const;
  for (const [key, text, other] of both) {
    const bytes = Buffer.byteLength(text ?? '');
    if (text === null) complain(key, `is not set, but ${other} is: PLAIN needs both; set it, or unset ${other}`);
    else if (bytes > maxBytes)
      complain(key, `has ${bytes} bytes: PLAIN allows ${maxBytes}, choose a shorter one here and in the engines`);
  }
  return { mechanism: 'PLAIN', username: plainUsername ?? '', password: plainPassword ?? '' };
}

function readCurve(value: SecurityValue, { mode, replay, transport }: SecurityUse, complain: Complain): CurveSecurity {
  const { curveServerKey: serverKey, curveSecretKey: secretKey, curveAllow: allow } = value;
  if (secretKey === null)
    complain('curveSecretKey', 'is not set: for CURVE the bridge has a key pair; `kv-event-bridge keys` makes one');
  else checkKey('curveSecretKey', secretKey, complain);
  if (serverKey !== null) checkKey('curveServerKey', serverKey, complain);
  else if (mode === 'connect') complain('curveServerKey', 'is not set: set it to the public key of the engine');
  else if (replay !== null)
    complain('curveServerKey', 'is not set: set it to the public key of the replay sockets, or unset replay');
  for (const key of allow) checkKey('curveAllow', key, complain);
  if (transport === 'zmtp') complain('transport', '"zmtp" does not speak CURVE: use "auto" or "libzmq"');
  return { mechanism: 'CURVE', secretKey: secretKey ?? '', serverKey, allow };
}

function checkKey(key: SecurityComplaint['key'], text: string, complain: Complain): void {
  if (text.length === 40 && fromZ85(text) !== null) return;
  const what = text.length === 40 ? 'a character that Z85 does not have' : `${text.length} characters`;
  complain(key, `is no key: keys are 40 characters of Z85, as \`kv-event-bridge keys\` prints them; this has ${what}`);
}
