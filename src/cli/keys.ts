import type { Command } from 'commander';
import { newKeyPair } from '../ingress/curve-keys.ts';
import type { Edge } from './edge.ts';

const helpText = `
The secret key is the bridge's: put it into a file that ZMQ_CURVE_SECRET_KEY_FILE names. The public key is for the engines:
those that are dialled may ask for it (ZAP), those that dial in need it (curve_serverkey).`;

/** `keys`: a new pair of keys for CURVE. */
export function addKeysCommand(program: Command, edge: Edge, done: (exitCode: number) => void): void {
  program
    .command('keys')
    .description('Make a pair of keys for CURVE (curveSecretKey) and print it.')
    .option('--json', 'Print one JSON document.')
    .addHelpText('after', helpText)
    .action(({ json }: { readonly json?: true }) => {
      const { publicKey, secretKey } = newKeyPair();
      edge.stdout.write(
        json ? `${JSON.stringify({ publicKey, secretKey })}\n` : `public  ${publicKey}\nsecret  ${secretKey}\n`,
      );
      done(0);
    });
}
