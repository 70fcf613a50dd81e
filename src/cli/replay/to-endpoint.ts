import { setTimeout as sleep } from 'node:timers/promises';
import { publisherKey } from '../../capture/publishers.ts';
import { CaptureReader } from '../../capture/reader.ts';
import type { Frame } from '../../core/frame.ts';
import { Player } from '../../simulator/player.ts';
import { countOf } from '../amount.ts';
import { printable } from '../table.ts';
import type { ReplayJob, ReplayOutcome } from './job.ts';
import type { EndpointTarget } from './options.ts';
import { Pace } from './pace.ts';
import type { Part } from './stage.ts';
import { stageOf } from './stage.ts';

/** Bytes kept for replays, of all publishers together. */
const bufferBytes = 268_435_456;

interface Cast {
  readonly part: Part;
  readonly player: Player;
}

/** Publishes the frames again, each publisher from a socket of its own. */
export async function replayToEndpoint(target: EndpointTarget, job: ReplayJob): Promise<ReplayOutcome> {
  const { survey, signal, note } = job;
  const parts = stageOf(survey.meta, survey.publishers, target);
  const cast = parts.map((part) => ({ part, player: playerOf(part, target, bufferBytes / parts.length) }));
  try {
    for (const { player, part } of cast) {
      await player.open();
      note(sentence(part, player, target));
    }
    const unheard = await settle(cast, target.settle, signal);
    if (unheard > 0 && !signal.aborted) {
      const who = `${unheard} of ${countOf(cast.length, 'publisher')}`;
      note(`${who} without a subscriber: their first frames are lost for live ones`);
    }
    const frames = await play(cast, job);
    if (target.hold > 0 && !signal.aborted) note('all is sent; replays are still answered');
    await sleep(target.hold, undefined, { signal }).catch(() => undefined);
    return { frames, isComplete: frames >= survey.frames, details: { subscribed: unheard === 0 }, lines: [] };
  } finally {
    await Promise.all(cast.map(({ player }) => player.close()));
  }
}

function playerOf({ publisher, endpoint, from, replay }: Part, { bind }: EndpointTarget, bytes: number): Player {
  const topic = publisher.topic ?? Buffer.alloc(0);
  return new Player({ endpoint, bind, from, replay, topic, bufferBytes: bytes });
}

function sentence({ publisher, endpoint, from, replay }: Part, player: Player, { bind }: EndpointTarget): string {
  const who = `topic ${printable(JSON.stringify(publisher.topicText))}${publisher.peer === null ? '' : ` of ${publisher.peer}`}`;
  const where = bind
    ? `listens at ${player.endpoint}`
    : `connects to ${endpoint}${from === null ? '' : ` from ${from}`}`;
  return `${who} ${where}${replay === null ? '' : `, replays at ${replay}`}`;
}

/** Waits until somebody listens to each of them, or the time is over; gives how many nobody listens to. */
async function settle(cast: readonly Cast[], patience: number, signal: AbortSignal): Promise<number> {
  const deadline = performance.now() + patience;
  const unheard = () => cast.filter(({ player }) => !player.subscribed).length;
  while (unheard() > 0 && performance.now() < deadline && !signal.aborted) await sleep(5);
  return unheard();
}

/** Frames that were sent. */
async function play(cast: readonly Cast[], job: ReplayJob): Promise<number> {
  const { path, survey, speed, wants, signal, onProgress } = job;
  const players = new Map(cast.map(({ part, player }) => [keyOf(part), player]));
  const pace = new Pace(speed, signal);
  const reader = await CaptureReader.open(path);
  let sent = 0;
  try {
    for await (const list of reader.frames()) {
      for await (const due of pace.of(list.filter(wants))) {
        for (const frame of due) {
          if (!(await players.get(publisherKey(frame))?.send(frame.parts, signal))) return sent;
          sent += 1;
        }
        onProgress(sent);
      }
      // A capture that is still written may have more by now, also of publishers that have no socket here.
      if (signal.aborted || sent >= survey.frames) break;
    }
  } finally {
    await reader.close();
  }
  return sent;
}

/** As `publisherKey` of its frames. */
function keyOf({ publisher: { source, endpoint, peer, topic } }: Part): string {
  const parts = topic === null ? [Buffer.alloc(0)] : [topic, Buffer.alloc(0)];
  const frame: Frame = { source, endpoint, peer, connection: null, parts, receivedAt: 0 };
  return publisherKey(frame);
}
