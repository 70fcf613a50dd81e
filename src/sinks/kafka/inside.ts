import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { Kafka, RecordMetadata } from 'kafkajs';

/**
 * What kafkajs 2.2.4's clients are made of, below its public API: the only file that reaches for it, with `fetch.ts`
 * (pieces of the Fetch protocol) and `quiet.ts`. test/sinks/kafka/pinned.test.ts fails on any other version.
 */

/** Metadata, connections and coordinators of one cluster. */
export interface Cluster {
  /** `metadata`: null before the first answer. */
  readonly brokerPool: { readonly metadata: { readonly brokers: readonly BrokerAddress[] } | null };
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  isConnected(): boolean;
  refreshMetadata(): Promise<void>;
  refreshMetadataIfNecessary(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[];
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Readonly<Record<string, readonly number[]>>;
  findBroker(wanted: { readonly nodeId: string }): Promise<Broker>;
  findControllerBroker(): Promise<Broker>;
  findGroupCoordinator(wanted: { readonly groupId: string; readonly coordinatorType: number }): Promise<Broker>;
  removeBroker(address: { readonly host: string; readonly port: number }): void;
  fetchTopicsOffset(wanted: readonly object[]): Promise<readonly { readonly partitions: readonly StartOffset[] }[]>;
}

/** Where a broker tells clients to come. */
export interface BrokerAddress {
  readonly nodeId: number;
  readonly host: string;
  readonly port: number;
}

export interface StartOffset {
  readonly partition: number;
  readonly offset: string;
}

/** Who a producer is, as the brokers know it (KIP-98). */
export interface ProducerIdentity {
  readonly producerId: string | number;
  readonly producerEpoch: number;
}

type InTransaction = ProducerIdentity & { readonly transactionalId: string };

export interface Broker {
  /** By API key. */
  readonly versions: Readonly<Record<number, { readonly maxVersion: number }>>;
  readonly connectionPool: {
    send(request: object): Promise<unknown>;
    getConnection(index: number): Promise<Connection>;
  };
  disconnect(): Promise<void>;
  initProducerId(wanted: { transactionalId?: string; transactionTimeout?: number }): Promise<ProducerIdentity>;
  addPartitionsToTxn(
    wanted: InTransaction & { readonly topics: readonly { topic: string; partitions: readonly number[] }[] },
  ): Promise<unknown>;
  endTxn(wanted: InTransaction & { readonly transactionResult: boolean }): Promise<unknown>;
}

/** One socket to a broker, with the requests that wait for its answers. */
interface Connection {
  readonly clientId: string;
  readonly socket: Socket;
  readonly requestQueue: { push(request: object): void; maybeThrottle(ms: number | undefined): void };
  isAuthenticated(): boolean;
  authenticate(): Promise<void>;
  failIfNotConnected(): void;
  nextCorrelationId(): number;
}

export const transactionCoordinator = 1;
const produceKey = 0;
/** From 3 (Kafka 0.11, record batches) to 7 (2.1, zstd) the body of the request is the same. */
const newestProduce = 7;

/** The way in which kafkajs makes the inside of its producers and consumers, connections and credentials included. */
export function clusterOf(kafka: Kafka): Cluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === madeBy);
  const make = (kafka as unknown as Record<symbol, ((options: object) => Cluster) | undefined>)[symbol ?? Symbol()];
  if (make === undefined) throw new Error('this is not kafkajs 2.2.4: it has no createCluster');
  return make({ allowAutoTopicCreation: false, metadataMaxAge: 300_000, isolationLevel: 1 });
}

const madeBy = 'private:Kafka:createCluster';

/** The error that kafkajs makes of the protocol's code. */
export function protocolError(code: number): Error {
  const load = createRequire(import.meta.url);
  const { createErrorFromCode } = load('kafkajs/src/protocol/error') as { createErrorFromCode(code: number): Error };
  return createErrorFromCode(code);
}

/** Whether kafkajs would ask again, with fresh metadata. */
export function isPassing(error: unknown): boolean {
  const { name, retriable, type } = error as { name?: string; retriable?: boolean; type?: string };
  return retriable === true || passingNames.has(name ?? '') || staleTypes.has(type ?? '');
}

const passingNames = new Set(['KafkaJSMetadataNotLoaded', 'KafkaJSConnectionError', 'KafkaJSConnectionClosedError']);
const staleTypes = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'NOT_LEADER_FOR_PARTITION']);

/**
 * Sends a Produce request whose body these pieces make; the answer of each partition, refusals among them. kafkajs's own
 * way to send would copy the request three times.
 */
export async function produce(broker: Broker, body: readonly Buffer[]): Promise<readonly RecordMetadata[]> {
  const apiVersion = Math.min(newestProduce, broker.versions[produceKey]?.maxVersion ?? newestProduce);
  const load = createRequire(import.meta.url);
  const { decode } = load(`kafkajs/src/protocol/requests/produce/v${apiVersion}/response`) as {
    decode(bytes: Buffer): Promise<Answer>;
  };
  const connection = await broker.connectionPool.getConnection(0);
  if (!connection.isAuthenticated()) await connection.authenticate();
  const correlationId = connection.nextCorrelationId();
  const pieces = [requestHeader(body, { apiVersion, correlationId, clientId: connection.clientId }), ...body];
  const { payload } = await sendPieces(connection, pieces, { apiVersion, correlationId });
  const { topics, clientSideThrottleTime } = await decode(payload);
  connection.requestQueue.maybeThrottle(clientSideThrottleTime);
  return topics.flatMap(({ topicName, partitions }) => partitions.map((one) => ({ topicName, ...one })));
}

function sendPieces(
  connection: Connection,
  pieces: readonly Buffer[],
  { apiVersion, correlationId }: { readonly apiVersion: number; readonly correlationId: number },
): Promise<{ readonly payload: Buffer }> {
  return new Promise((resolve, reject) => {
    connection.failIfNotConnected();
    const entry = { apiKey: produceKey, apiName: 'Produce', apiVersion, correlationId, resolve, reject };
    const sendRequest = () => {
      const { socket } = connection;
      socket.cork();
      for (const piece of pieces) socket.write(piece);
      socket.uncork();
    };
    connection.requestQueue.push({ entry, expectResponse: true, requestTimeout: null, sendRequest });
  });
}

/** Size, and the header of every request (version 1): API key and version, correlation id, client id. */
function requestHeader(
  body: readonly Buffer[],
  { apiVersion, correlationId, clientId }: { apiVersion: number; correlationId: number; clientId: string },
): Buffer {
  const name = Buffer.from(clientId);
  const header = Buffer.alloc(14 + name.length);
  header.writeInt32BE(
    body.reduce((sum, { length }) => sum + length, header.length - 4),
    0,
  );
  header.writeInt16BE(produceKey, 4);
  header.writeInt16BE(apiVersion, 6);
  header.writeInt32BE(correlationId, 8);
  header.writeInt16BE(name.length, 12);
  name.copy(header, 14);
  return header;
}

interface Answer {
  readonly topics: readonly {
    readonly topicName: string;
    readonly partitions: readonly { partition: number; errorCode: number; baseOffset: string }[];
  }[];
  readonly clientSideThrottleTime?: number;
}
