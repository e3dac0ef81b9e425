/** This process, which chaos.kill and chaos.restart end as kill -9 does: no handover, nothing closed. */
import { quote } from '../base/shell.ts'

export interface OwnProcess {
  readonly pid: number
  /** Somebody listens who starts it again when it asks for that. */
  readonly hasSupervisor: boolean
  /** The line that starts it by hand. */
  readonly commandLine: string
  /** At once, but behind the answer that is being given. */
  kill(then: 'stay dead' | 'come back'): void
}

/** What the demo is told by a daemon that wants to come back. */
export const COME_BACK = { viewstamp: 'start me again' } as const

/** What the demo tells a daemon: its own end, however it comes, is the daemon's too. */
export const END_WITH_ME = { viewstamp: 'end with me' } as const

export function ownProcess(): OwnProcess {
  const end = (): void => void process.kill(process.pid, 'SIGKILL')
  return {
    pid: process.pid,
    get hasSupervisor() {
      return process.connected === true
    },
    commandLine: process.argv.slice(1).map(quote).join(' '),
    kill(then) {
      // The answer is handed to the system in this turn of the event loop.
      setImmediate(() => {
        if (then === 'come back' && process.send !== undefined && process.connected) {
          process.send(COME_BACK, undefined, undefined, end)
        } else end()
      })
    },
  }
}
