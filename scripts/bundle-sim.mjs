/** Bundles the simulator for Node, which cannot run TypeScript before 22; optionally with patched sources. */

import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const SIMULATED = new URL('../src/testing/storage/', import.meta.url)
/** What src/storage finds in the places of its packages, under a simulated disk. */
const IN_PLACE = new Map([
  ['node:fs', 'files.ts'],
  ['node:fs/promises', 'files.ts'],
  ['level', 'level.ts'],
])

const inPlace = {
  name: 'in-place',
  setup(builder) {
    builder.onResolve({ filter: /^(node:fs(\/promises)?|level)$/ }, ({ path, importer }) =>
      importer.includes('/src/storage/')
        ? { path: fileURLToPath(new URL(IN_PLACE.get(path), SIMULATED)) }
        : undefined,
    )
  },
}

/** Limits at their hardest: a state of a few records is swept, trimmed and read in many slices. */
const TINY = [
  { file: 'storage/sweep.ts', find: /const WRITTEN_MIN = \S+/, replace: 'const WRITTEN_MIN = 3' },
  { file: 'storage/sweep.ts', find: /const GARBAGE_MAX = \S+/, replace: 'const GARBAGE_MAX = 12' },
  {
    file: 'storage/sweeper.ts',
    find: /const SLICE = .*/,
    replace: 'const SLICE = { count: 5, bytes: 512 }',
  },
  {
    file: 'storage/audit.ts',
    find: /const SLICE = .*/,
    replace: 'const SLICE = { count: 7, bytes: 2048 }',
  },
  {
    file: 'storage/reader.ts',
    find: /const SLICE = .*/,
    replace: 'const SLICE = { count: 3, bytes: 512 }',
  },
  {
    file: 'storage/level-store.ts',
    find: /const GARBAGE_PER_COMMIT = \S+/,
    replace: 'const GARBAGE_PER_COMMIT = 5',
  },
]

/** As loadSimulator, with the real storage code on disks in memory. */
export const loadWithStorage = (patches = []) =>
  loadSimulator([...patches, ...TINY], 'src/testing/storage/main.ts', {
    platform: 'node',
    plugins: [inPlace],
    inject: [fileURLToPath(new URL('timers.ts', SIMULATED))],
  })

/**
 * Gives the module. `patches`: [{ file, find, replace }], applied to the text of src/<file>; one that
 * finds nothing is an error, so that a mutant cannot silently be no mutant.
 */
export async function loadSimulator(patches = [], entry = 'src/sim/main.ts', more = {}) {
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
      logLevel: 'error',
      ...more,
      plugins: [plugin, ...(more.plugins ?? [])],
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
