/** start: one daemon in the foreground. This process is the daemon. */
import { isObject } from '../../base/json.ts'
import { END_WITH_ME } from '../../chaos/own-process.ts'
import type { Run } from '../command.ts'
import type { Context } from '../context.ts'
import { EXIT, exitCodeOf } from '../exit-code.ts'
import { overridesOf } from '../start-flags.ts'

/** 128 + the number of the signal, when a second one ends the wait for a clean stop. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

export const start: Run = async (context, _args, given) => {
  // Loading libp2p takes longest: it goes on while the configuration is read.
  const loading = import('../../daemon/main.ts')
  loading.catch(() => undefined)
  const { loadConfig } = await import('../../daemon/config.ts')
  const config = loadConfig({ file: given.text('config'), overrides: overridesOf(given) })
  const stopped = signalled()
  stopAtBugs(context)
  const { startDaemon } = await loading
  const starting = startDaemon(config)
  // A signal before the daemon is up ends the process at once: nothing has been promised yet.
  const daemon = await Promise.race([starting, stopped.then(() => undefined)])
  if (daemon === undefined) return EXIT.ok
  announce(context, daemon.ready, config.log.format === 'pretty')
  const failure = daemon.finished.then(reason => ({ reason }))
  const ended = await Promise.race([failure, stopped.then(() => undefined)])
  if (ended !== undefined) return exitCodeOf(ended.reason)
  try {
    await daemon.stop()
    return EXIT.ok
  } catch (error) {
    context.note(
      `the daemon did not stop cleanly: ${error instanceof Error ? error.message : error}`,
    )
    return exitCodeOf(error)
  }
}

/** Resolves at the first SIGINT or SIGTERM, the second ends the process; or with the demo that started it. */
function signalled(): Promise<void> {
  return new Promise(resolve => {
    process.on('message', message => {
      if (!isObject(message) || message['viewstamp'] !== END_WITH_ME.viewstamp) return
      process.once('disconnect', resolve)
    })
    let seen = 0
    for (const [signal, code] of Object.entries(SIGNALS)) {
      process.on(signal, () => {
        if (++seen > 1) process.exit(code)
        resolve()
      })
    }
  })
}

/** An error that nobody awaited is a bug; a daemon in an unknown state must not go on serving. */
function stopAtBugs(context: Context): void {
  process.on('uncaughtException', error => {
    context.terminal.message(`viewstamp: stopping at an internal error: ${error.message}`)
    context.terminal.message(error.stack ?? '')
    process.exit(EXIT.other)
  })
}

interface Ready {
  readonly name: string
  readonly pid: number
  readonly rpc: string | undefined
  readonly peerId: string
}

function announce(context: Context, ready: Ready, pretty: boolean): void {
  const { name, pid, rpc, peerId } = ready
  context.terminal.data(
    pretty
      ? `${name} is ready: pid ${pid}, RPC ${rpc}, peer id ${peerId}\n`
      : `${JSON.stringify({ event: 'ready', ...ready })}\n`,
  )
}
