/** Bundles the simulator for Node, which cannot run TypeScript before 22; optionally with patched sources. */

import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

/**
 * Gives the module. `patches`: [{ file, find, replace }], applied to the text of src/<file>; one that
 * finds nothing is an error, so that a mutant cannot silently be no mutant.
 */
export async function loadSimulator(patches = [], entry = 'src/sim/main.ts') {
  const folder = mkdtempSync(join(tmpdir(), 'viewstamp-sim-'))
  const outfile = join(folder, 'sim.mjs')
  const applied = new Set()
  const plugin = {
    name: 'patch',
    setup(builder) {
      builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const mine = patches.filter(patch => path.endsWith(`/src/${patch.file}`))
        if (mine.length === 0) return undefined
        let contents = readFileSync(path, 'utf8')
        for (const patch of mine) {
          const before = contents
          contents = contents.replace(patch.find, patch.replace)
          if (contents !== before) applied.add(patch)
        }
        return { contents, loader: 'ts' }
      })
    },
  }
  try {
    await build({
      entryPoints: [entry],
      bundle: true,
      format: 'esm',
      platform: 'neutral',
      // What is CommonJS (sorted-btree) says so there.
      mainFields: ['main'],
      target: 'node20',
      outfile,
      plugins: [plugin],
      logLevel: 'error',
    })
    for (const patch of patches) {
      if (!applied.has(patch))
        throw new Error(`the patch of src/${patch.file} finds nothing: ${patch.find}`)
    }
    const simulator = await import(pathToFileURL(outfile).href)
    simulator.useSha256?.(bytes => createHash('sha256').update(bytes).digest('hex'))
    return simulator
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
