import { libzmq } from '../support/transports.ts';
import { sourceContract } from './source.contract.ts';

sourceContract(libzmq);
