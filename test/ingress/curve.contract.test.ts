import { curvePairs } from '../support/security.ts';
import { libzmq, secured } from '../support/transports.ts';
import { sourceContract } from './source.contract.ts';

const { security, dials, binds } = curvePairs();
sourceContract({ ...secured(libzmq, security, { dials, binds }), overhead: 33 });
