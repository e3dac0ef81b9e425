/**
 * The optional pre-shared key of a private network (libp2p's pnet): strangers are cut before the
 * handshake. A second fence, not the admission: that is by peer id. reliability.md §5.1
 */
import { randomBytes } from 'node:crypto'
import { NetworkError } from './error.ts'
import { readSecret, writeSecret } from './secret-file.ts'

const WHAT = 'the pre-shared key of the network'
const HEADER = '/key/swarm/psk/1.0.0/\n/base16/\n'

/** Makes a key file to be copied to every member; an existing one is never overwritten. */
export async function createSharedKey(file: string): Promise<void> {
  await writeSecret(file, Buffer.from(HEADER + randomBytes(32).toString('hex')), WHAT)
}

export async function readSharedKey(file: string): Promise<Uint8Array> {
  const bytes = await readSecret(file, WHAT)
  if (bytes === undefined) {
    throw new NetworkError(
      'key-file',
      `${file} (${WHAT}) does not exist: copy it from another member, or remove p2p.sharedKeyFile from the configuration`,
    )
  }
  const content = Buffer.from(bytes).toString('latin1').trimEnd()
  if (!content.startsWith(HEADER) || !/^[0-9a-f]{64}$/i.test(content.slice(HEADER.length))) {
    throw new NetworkError(
      'key-file',
      `${file} (${WHAT}) is not a libp2p key of the form ${JSON.stringify(HEADER)} and 64 hex digits: copy it again from another member`,
    )
  }
  return Buffer.from(content)
}
