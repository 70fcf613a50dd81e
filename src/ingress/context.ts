import { Context } from 'zeromq';

/** libzmq's own default of 1023 is used up by 170 connected endpoints; room that is not used costs 24 bytes a socket. */
const maxSockets = 16_384;

/** A libzmq context for all sources of a process: one I/O thread, and sockets as many as files may be open. */
export function sourceContext(): Context {
  return new Context({ maxSockets });
}
