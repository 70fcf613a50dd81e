import { zmtp } from '../../support/transports.ts';
import { sourceContract } from '../source.contract.ts';

sourceContract(zmtp);
