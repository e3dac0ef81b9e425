/** The state machines of a daemon: keys and values, and the user's own modules. */
import { pathToFileURL } from 'node:url'
import { builtIn } from '../machine/built-in.ts'
import { createService, type MachineService } from '../machine/compose.ts'
import { checkDefinition, type MachineDefinition } from '../machine/define.ts'
import { instantiate } from '../machine/defined.ts'
import { shardOfKey } from '../node/route.ts'
import type { Config } from './config.ts'

/** Gives a maker of services: every shard has machines of its own. */
export async function loadMachines(
  config: Config,
  given: readonly MachineDefinition[],
  onFailure: (error: unknown) => void,
): Promise<(shard: number, shards: number) => MachineService> {
  const own = await Promise.all(
    config.stateMachines.map(async ({ name, module }) => {
      try {
        const loaded: { default?: unknown } = await import(pathToFileURL(module).href)
        return { name, definition: checkDefinition(loaded.default) }
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        throw new Error(`the state machine ${name} cannot be loaded from ${module}: ${why}`)
      }
    }),
  )
  for (const definition of given) checkDefinition(definition)
  const make = (shard: number, shards: number) =>
    createService(
      [
        ...builtIn(feed => shardOfKey(feed, shards) === shard),
        ...own.map(({ name, definition }) => instantiate(definition, name)),
        ...given.map(definition => instantiate(definition)),
      ],
      { onFailure },
    )
  // A wrong definition is told now, not at the first shard.
  make(0, 1)
  return make
}
