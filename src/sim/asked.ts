/** Which request an answer is of, as the callers of a host wait for it. */
import type { Command } from '../vr/entry.ts'

export type Asked = Pick<Command, 'clientId' | 'requestNumber'>

/** A number that a client uses for two operations is of two requests. */
export const waitingKey = (session: string, requestNumber: number, fingerprint: number): string =>
  `${session}#${requestNumber} ${fingerprint}`
