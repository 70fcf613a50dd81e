import { afterAll } from 'vitest';
import { EngineContext, plain, plainDials } from '../support/security.ts';
import { libzmq, secured, zmtp } from '../support/transports.ts';
import { sourceContract } from './source.contract.ts';

const engine = await EngineContext.start();
afterAll(() => engine.close());

for (const transport of [libzmq, zmtp])
  sourceContract(secured(transport, plain, { dials: plainDials, binds: engine.plainBinds }));
