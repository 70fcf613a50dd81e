import type { Fact, Observe } from '../core/observer.ts';
import type { SourceStatus, TroubleStatus } from '../core/status.ts';
import type { SocketTraffic, Traffic } from './traffic.ts';

/** One socket as it is configured. */
export type SocketPlan = Pick<SourceStatus, 'name' | 'endpoint' | 'mode' | 'transport' | 'topics'>;

interface Socket {
  readonly plan: SocketPlan;
  /** Once it is open, with the chosen port where the configured one is 0. */
  endpoint: string;
  state: SourceStatus['state'];
  peers: number;
  trouble: TroubleStatus | null;
}

type SourceFact = Extract<Fact, { readonly source: string; readonly endpoint: string }>;

/** How the sources stand: one entry for each socket. */
export class SourceBoard {
  readonly #sockets: readonly Socket[];
  readonly #traffic: Traffic;
  readonly #now: () => number;

  constructor(plans: readonly SocketPlan[], traffic: Traffic, now: () => number) {
    this.#sockets = plans.map((plan) => ({
      ...{ plan, endpoint: plan.endpoint, peers: 0, trouble: null },
      state: 'opening',
    }));
    this.#traffic = traffic;
    this.#now = now;
  }

  readonly observe: Observe = (fact: Fact) => {
    switch (fact.fact) {
      case 'source-open':
        this.#opened(fact);
        break;
      case 'source-closed':
        this.#change(fact, (socket) => {
          socket.state = 'closed';
          socket.peers = 0;
        });
        break;
      case 'source-peers':
        this.#change(fact, (socket) => {
          socket.peers = fact.peers;
        });
        break;
      case 'source-trouble':
        this.#change(fact, (socket) => {
          const { reason, message, peer = null } = fact;
          socket.trouble = { at: this.#now() / 1_000, reason, message, peer };
        });
        break;
      case 'role':
        // Each turn opens them anew; a standby opens none.
        for (const socket of this.#sockets) {
          socket.state = fact.role === 'active' ? 'opening' : 'closed';
          socket.endpoint = socket.plan.endpoint;
        }
        break;
    }
  };

  status(): SourceStatus[] {
    const shown = new Set<string>();
    return this.#sockets.map((socket) => {
      const { name } = socket.plan;
      const isFirst = !shown.has(name);
      shown.add(name);
      return this.#statusOf(socket, isFirst);
    });
  }

  /** What came through no socket of its own counts with the first of its source. */
  #statusOf({ plan, endpoint, state, peers, trouble }: Socket, isFirst: boolean): SourceStatus {
    const { name, mode, transport, topics } = plan;
    const isOther = (one: SocketTraffic) =>
      !this.#sockets.some((socket) => socket.plan.name === name && socket.endpoint === one.endpoint);
    const own = this.#traffic.sockets(name).filter((one) => one.endpoint === endpoint || (isFirst && isOther(one)));
    const sum = (of: (one: SocketTraffic) => number) => own.reduce((total, one) => total + of(one), 0);
    const lastFrameAt = Math.max(...own.map((one) => one.lastFrameAt));
    const skews = own.flatMap(({ skew }) => skew.smallest(this.#now()) ?? []);
    return {
      ...{ name, endpoint, mode, transport, topics, state, peers },
      frames: sum(({ frames }) => frames),
      bytes: sum(({ bytes }) => bytes),
      batches: sum(({ batches }) => batches),
      events: {
        BlockStored: sum(({ events }) => events.BlockStored),
        BlockRemoved: sum(({ events }) => events.BlockRemoved),
        AllBlocksCleared: sum(({ events }) => events.AllBlocksCleared),
        other: sum(({ events }) => events.other),
      },
      undecodable: sum(({ undecodable }) => undecodable),
      duplicates: sum(({ duplicates }) => duplicates),
      last_frame_at: lastFrameAt > 0 ? lastFrameAt / 1_000 : null,
      clock_skew_seconds: skews.length === 0 ? null : Math.min(...skews) / 1_000,
      last_trouble: trouble,
    };
  }

  #opened(fact: Extract<Fact, { fact: 'source-open' }>): void {
    const socket = this.#find(fact) ?? this.#anyPort(fact.source);
    if (socket === undefined) return;
    socket.endpoint = fact.endpoint;
    socket.state = 'open';
  }

  #change(fact: SourceFact, change: (socket: Socket) => void): void {
    const socket = this.#find(fact);
    if (socket !== undefined) change(socket);
  }

  #find({ source, endpoint }: Pick<SourceFact, 'source' | 'endpoint'>): Socket | undefined {
    return this.#sockets.find((socket) => socket.plan.name === source && socket.endpoint === endpoint);
  }

  /** Port 0: which one was chosen shows only now. */
  #anyPort(source: string): Socket | undefined {
    return this.#sockets.find(
      ({ plan, state, endpoint }) => plan.name === source && state === 'opening' && endpoint.endsWith(':0'),
    );
  }
}
