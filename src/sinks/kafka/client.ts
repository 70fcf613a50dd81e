import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import type { Kafka, KafkaConfig as KafkajsConfig, SASLOptions } from 'kafkajs';
import { messageOf, SinkError } from '../../core/errors.ts';
import { OauthTokens } from './oauth.ts';
import type { KafkaConfig } from './settings.ts';
import type { SocketRequest } from './sockets.ts';
import { Sockets } from './sockets.ts';

/** One client of the cluster and its connections. */
export interface Client {
  readonly kafka: Kafka;
  readonly sockets: Sockets;
}

/**
 * kafkajs's own retries: given here because its defaults depend on NODE_ENV. Few and quick: they bridge a change of
 * leaders; for everything longer the lane backs off and says so.
 */
export const retry = { initialRetryTime: 100, multiplier: 2, factor: 0.2, maxRetryTime: 1_000, retries: 2 } as const;

/** Makes clients of one cluster; certificates are read anew for each, so renewed ones take effect. */
export class ClientFactory {
  readonly #config: KafkaConfig;
  readonly #clientId: string;
  readonly #Kafka: typeof Kafka;
  readonly #sasl: SASLOptions | undefined;

  constructor(config: KafkaConfig, clientId: string, kafkaClass: typeof Kafka) {
    this.#config = config;
    this.#clientId = clientId;
    this.#Kafka = kafkaClass;
    this.#sasl = saslOptions(config);
  }

  async make(): Promise<Client> {
    const { brokers, requestTimeout, connectionTimeout } = this.#config;
    const ssl = await tlsOptions(this.#config.tls);
    const sockets = new Sockets();
    const options: KafkajsConfig = {
      brokers: [...brokers],
      clientId: this.#clientId,
      requestTimeout,
      connectionTimeout,
      authenticationTimeout: requestTimeout,
      retry: { ...retry },
      // What goes wrong reaches the caller as an error; its log lines would only repeat that, per attempt.
      logCreator: () => () => {},
      socketFactory: (request) => sockets.create(request as unknown as SocketRequest),
      ...(ssl === null ? {} : { ssl }),
      ...(this.#sasl === undefined ? {} : { sasl: { ...this.#sasl } }),
    };
    return { kafka: new this.#Kafka(options), sockets };
  }
}

function saslOptions({ sasl, requestTimeout }: KafkaConfig): SASLOptions | undefined {
  const { mechanism, username, password } = sasl;
  if (mechanism === 'none') return undefined;
  if (mechanism !== 'oauthbearer') return { mechanism, username, password };
  const tokens = new OauthTokens(sasl.oauth, requestTimeout);
  return { mechanism, oauthBearerProvider: async () => ({ value: await tokens.token() }) };
}

async function tlsOptions(tls: KafkaConfig['tls']): Promise<ConnectionOptions | null> {
  if (!tls.enabled) return null;
  return {
    ...(tls.ca === null ? {} : { ca: await pem('ca', tls.ca) }),
    ...(tls.cert === null ? {} : { cert: await pem('cert', tls.cert) }),
    ...(tls.key === null ? {} : { key: await pem('key', tls.key) }),
    ...(tls.serverName === null ? {} : { servername: tls.serverName }),
    rejectUnauthorized: !tls.insecureSkipVerify,
  };
}

async function pem(key: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const message = `kafka.tls.${key}: ${path} cannot be read: ${messageOf(cause)}`;
    throw new SinkError({ kind: 'destination', code: 'TLS_FILE', message, cause });
  }
}
