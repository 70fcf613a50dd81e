import { Context, curveKeyPair, Reply } from 'zeromq';
import type { CurveSecurity, PlainSecurity } from '../../src/core/security.ts';

export const plain: PlainSecurity = { mechanism: 'PLAIN', username: 'bridge', password: 'c4n4ry-S3cret' };

/** Socket options of an engine that dials in. */
export const plainDials = { plainUsername: plain.username, plainPassword: plain.password };

type Admits = (mechanism: string, credentials: readonly Buffer[]) => boolean;

const knowsPassword: Admits = (_, [username, password]) =>
  String(username) === plain.username && String(password) === plain.password;

/** The context of an engine that looks at credentials, as an engine would have one: with a ZAP handler (RFC 27). */
export class EngineContext {
  readonly context = new Context();
  /** May be changed. */
  admits: Admits;
  /** With which a peer is refused: 400 for good, 300 for now. */
  refusal = '400';
  readonly #socket = new Reply({ context: this.context, linger: 0, receiveTimeout: 100 });
  #serving: Promise<void> = Promise.resolve();
  #stopped = false;

  private constructor(admits: Admits) {
    this.admits = admits;
  }

  static async start(admits: Admits = knowsPassword): Promise<EngineContext> {
    const engine = new EngineContext(admits);
    await engine.#socket.bind('inproc://zeromq.zap.01');
    engine.#serving = engine.#serve();
    return engine;
  }

  /** Socket options of an engine that binds. */
  get plainBinds() {
    return { context: this.context, plainServer: true, zapDomain: 'engine' };
  }

  async close(): Promise<void> {
    this.#stopped = true;
    await this.#serving;
    this.#socket.close();
  }

  async #serve(): Promise<void> {
    while (!this.#stopped) {
      const request = await this.#socket.receive().catch(() => null);
      if (request === null) continue;
      const [version, id, , , , mechanism, ...credentials] = request;
      const status = this.admits(String(mechanism), credentials) ? '200' : this.refusal;
      await this.#socket.send([version as Buffer, id as Buffer, status, '', '', '']);
    }
  }
}

/** Key pairs of one bridge and one engine, and what each side makes of them. */
export function curvePairs() {
  const [bridge, engine] = [curveKeyPair(), curveKeyPair()];
  const security = { mechanism: 'CURVE', secretKey: bridge.secretKey, serverKey: engine.publicKey, allow: [] } as const;
  return {
    bridge,
    engine,
    security: security as CurveSecurity,
    /** Socket options of the engine where it dials in and where it binds. */
    dials: {
      curveServerKey: bridge.publicKey,
      curvePublicKey: engine.publicKey,
      curveSecretKey: engine.secretKey,
    },
    binds: { curveServer: true, curveSecretKey: engine.secretKey },
  };
}
