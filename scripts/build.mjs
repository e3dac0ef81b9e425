#!/usr/bin/env node
// src → dist: one ESM file per entry, shared code in chunks, so that each command loads what it needs.
import { renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { writeTypes } from './types.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
// Beside dist, so that a build that fails leaves the last one in place.
const fresh = join(root, `dist.${process.pid}`)

const common = {
  absWorkingDir: root,
  outdir: fresh,
  bundle: true,
  format: 'esm',
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'error',
  metafile: true,
}

/** Programs and the embedded node. LevelDB finds its native code by path and stays a package; all
 * else is bundled: loading the daemon takes 0.3 s so, and 0.9 s as some two thousand files. */
const node = {
  ...common,
  entryPoints: { cli: 'src/cli/main.ts', index: 'src/index.ts', testing: 'src/testing/index.ts' },
  chunkNames: 'chunks/[name]-[hash]',
  splitting: true,
  platform: 'node',
  target: 'node20',
  external: ['level', 'classic-level'],
  // CommonJS packages inside an ESM bundle ask for `require` of Node's own modules.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
}

/** Nothing of Node's inside: what runs in browsers, and the client for Node, which asks for `ws`. */
const anywhere = {
  ...common,
  entryPoints: {
    client: 'src/client/client.ts',
    'client.browser': 'src/client/browser.ts',
    machine: 'src/machine/define.ts',
  },
  platform: 'neutral',
  target: 'es2022',
  external: ['ws'],
}

/** The entries of package.json. */
const exported = [
  node.entryPoints.index,
  node.entryPoints.testing,
  anywhere.entryPoints.client,
  anywhere.entryPoints.machine,
]

// esbuild and the compiler tell what is wrong; a stack of ours would only hide it.
const results = await Promise.all([
  build(node),
  build(anywhere),
  writeTypes(root, exported, join(fresh, 'types')),
]).catch(() => {
  rmSync(fresh, { recursive: true, force: true })
  process.exit(1)
})
rmSync(join(root, 'dist'), { recursive: true, force: true })
renameSync(fresh, join(root, 'dist'))

if (process.argv.includes('--sizes')) {
  const built = results.flatMap(each => Object.entries(each?.metafile.outputs ?? {}))
  for (const [file, { bytes }] of built) {
    const shown = file.replace(/^dist\.\d+/, 'dist')
    if (shown.endsWith('.js')) console.log(`${String(bytes).padStart(9)}  ${shown}`)
  }
}
