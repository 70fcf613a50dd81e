import type { ConnectionOptions } from 'node:tls';
import type { Kafka, KafkaConfig as KafkajsConfig, SASLOptions } from 'kafkajs';
import { messageOf, SinkError } from '../../core/errors.ts';
import { readTls } from '../tls.ts';
import type { Codec } from './compression.ts';
import { DirectProducer } from './direct-producer.ts';
import { KafkajsProducer } from './kafkajs-producer.ts';
import { OauthTokens } from './oauth.ts';
import type { RecordProducer, RecordProducerOptions } from './record-producer.ts';
import type { KafkaConfig } from './settings.ts';
import type { SocketRequest } from './sockets.ts';
import { Sockets } from './sockets.ts';

/** One client of the cluster and its connections. */
export interface Client {
  readonly kafka: Kafka;
  readonly sockets: Sockets;
  producer(options: RecordProducerOptions): RecordProducer;
}

/**
 * kafkajs's own retries: given here because its defaults depend on NODE_ENV. Few and quick: they bridge a change of
 * leaders; for everything longer the lane backs off and says so.
 */
export const retry = { initialRetryTime: 100, multiplier: 2, factor: 0.2, maxRetryTime: 1_000, retries: 2 } as const;

/**
 * For transactions: the one before is still being ended (CONCURRENT_TRANSACTIONS) when the next begins, a few
 * milliseconds as a rule, up to seconds where a predecessor left one open.
 */
export const transactionRetry = {
  initialRetryTime: 5,
  multiplier: 1.5,
  factor: 0.2,
  maxRetryTime: 500,
  retries: 20,
} as const;

/** Makes clients of one cluster; certificates are read anew for each, so renewed ones take effect. */
export class ClientFactory {
  readonly #config: KafkaConfig;
  readonly #clientId: string;
  readonly #Kafka: typeof Kafka;
  readonly #tokens: OauthTokens;
  readonly #codec: Codec;

  constructor(config: KafkaConfig, clientId: string, kafkaClass: typeof Kafka, codec: Codec) {
    this.#config = config;
    this.#clientId = clientId;
    this.#Kafka = kafkaClass;
    this.#codec = codec;
    this.#tokens = new OauthTokens(config.sasl.oauth, config.requestTimeout);
  }

  /** The brokers refused who we are: the next client must not say the same from memory. */
  forgetCredentials(): void {
    this.#tokens.forget();
  }

  /** `patient`: with the retries that transactions need. */
  async make(patient = false): Promise<Client> {
    const { brokers, requestTimeout, connectionTimeout } = this.#config;
    const sasl = saslOptions(this.#config, this.#tokens);
    const ssl = await tlsOptions(this.#config.tls);
    const sockets = new Sockets();
    const options: KafkajsConfig = {
      brokers: [...brokers],
      clientId: this.#clientId,
      requestTimeout,
      connectionTimeout,
      authenticationTimeout: requestTimeout,
      retry: { ...(patient ? transactionRetry : retry) },
      // What goes wrong reaches the caller as an error; its log lines would only repeat that, per attempt.
      logCreator: () => () => {},
      socketFactory: (request) => sockets.create(request as unknown as SocketRequest),
      ...(ssl === null ? {} : { ssl }),
      ...(sasl === undefined ? {} : { sasl }),
    };
    const kafka = new this.#Kafka(options);
    return { kafka, sockets, producer: (wanted) => this.#producer(kafka, wanted) };
  }

  #producer(kafka: Kafka, options: RecordProducerOptions): RecordProducer {
    return this.#config.producer === 'direct'
      ? new DirectProducer(kafka, options, this.#codec)
      : new KafkajsProducer(kafka, options);
  }
}

function saslOptions({ sasl }: KafkaConfig, tokens: OauthTokens): SASLOptions | undefined {
  const { mechanism, username, password } = sasl;
  if (mechanism === 'none') return undefined;
  if (mechanism !== 'oauthbearer') return { mechanism, username, password };
  return { mechanism, oauthBearerProvider: async () => ({ value: await tokens.token() }) };
}

async function tlsOptions(tls: KafkaConfig['tls']): Promise<ConnectionOptions | null> {
  if (!tls.enabled) return null;
  const options = await readTls(tls, (key, path, cause) => {
    const message = `kafka.tls.${key}: ${path} cannot be read: ${messageOf(cause)}`;
    return new SinkError({ kind: 'destination', code: 'TLS_FILE', message, cause });
  });
  return tls.serverName === null ? options : { ...options, servername: tls.serverName };
}
