import type { Finding } from '../../core/finding.ts';
import { entryOfCode } from './codes.ts';
import { inTime } from './deadline.ts';
import { judge } from './errors.ts';
import { kafkaFinding as find } from './examine-findings.ts';
import type { Cluster } from './inside.ts';
import { produce, transactionCoordinator } from './inside.ts';
import { produceBody } from './produce-request.ts';

const nothing = Buffer.alloc(0);
/** An id that no broker gives: they count from 0. */
const nobody = '9007199254740991';

/** Brokers look at the rights before they look at what is to be written: an empty record set changes nothing. */
export async function examineWriting(cluster: Cluster, topic: string, patience: number): Promise<Finding> {
  const subject = `topic ${topic}`;
  try {
    const code = await inTime(emptyProduce(cluster, topic, patience), 2 * patience, 'asking for rights');
    if (code === 'TOPIC_AUTHORIZATION_FAILED' || code === 'CLUSTER_AUTHORIZATION_FAILED')
      return find('kafka-rights-missing', subject, `the principal may not write to it (${code})`, { facts: { code } });
    return find('kafka-rights', subject, 'the principal may write to it');
  } catch (error) {
    const { code, message } = judge(error);
    if (code === 'TOPIC_AUTHORIZATION_FAILED')
      return find('kafka-rights-missing', subject, `the principal may not write to it (${code})`, { facts: { code } });
    return find('kafka-rights-unknown', subject, `whether it may be written to is unknown: ${message}`, {
      facts: { code },
    });
  }
}

async function emptyProduce(cluster: Cluster, topic: string, timeout: number): Promise<string> {
  await cluster.addTargetTopic(topic);
  await cluster.refreshMetadataIfNecessary();
  const [partition = 0] = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId);
  const [nodeId = ''] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]));
  const broker = await cluster.findBroker({ nodeId });
  const body = produceBody([{ topic, partition, bytes: nothing }], { transactionalId: null, timeout });
  const [answer] = await produce(broker, body);
  return answer === undefined ? 'NONE' : entryOfCode(answer.errorCode).name;
}

/**
 * Adds partitions to a transaction of a producer that does not exist: the coordinator looks at the rights first, and then
 * refuses. Taking the id as the sink does would end a bridge that has it.
 */
export async function examineTransactions(cluster: Cluster, id: string, patience: number): Promise<Finding> {
  const subject = `transactional id ${id}`;
  try {
    await inTime(emptyTransaction(cluster, id), 2 * patience, 'asking for rights');
    return find('kafka-transactions', subject, 'the principal may use it');
  } catch (error) {
    const { code, message } = judge(error);
    if (/AUTHORIZATION/.test(code))
      return find('kafka-rights-missing', subject, `the principal may not use it (${code})`, { facts: { code } });
    // kafkajs says the same of a refusal and of a coordinator that is away.
    if (code === 'KafkaJSGroupCoordinatorNotFound')
      return find('kafka-no-coordinator', subject, 'it has no coordinator, or the principal may not see it');
    if (code === 'INVALID_PRODUCER_ID_MAPPING') return find('kafka-transactions', subject, 'the principal may use it');
    return find('kafka-rights-unknown', subject, `whether it may be used is unknown: ${message}`, { facts: { code } });
  }
}

async function emptyTransaction(cluster: Cluster, transactionalId: string): Promise<void> {
  const coordinator = await cluster.findGroupCoordinator({
    groupId: transactionalId,
    coordinatorType: transactionCoordinator,
  });
  const topics: { topic: string; partitions: readonly number[] }[] = [];
  await coordinator.addPartitionsToTxn({ transactionalId, producerId: nobody, producerEpoch: 0, topics });
}
