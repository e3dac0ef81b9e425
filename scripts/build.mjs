#!/usr/bin/env node
// src → dist: one ESM file per entry, shared code in chunks, so that each command loads what it needs.
import { existsSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

const entries = {
  cli: 'src/cli/main.ts',
  index: 'src/index.ts',
  machine: 'src/machine/define.ts',
  client: 'src/client/client.ts',
}
const present = Object.entries(entries).filter(([, file]) => existsSync(join(root, file)))

// Native code and what finds its files by path stay packages; all else is bundled, which makes the
// daemon start in half the time (measured: see the report).
const external = ['level', 'classic-level']

rmSync(join(root, 'dist'), { recursive: true, force: true })
const result = await build({
  absWorkingDir: root,
  entryPoints: Object.fromEntries(present.map(([name, file]) => [name, file])),
  outdir: 'dist',
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external,
  // CommonJS packages inside an ESM bundle ask for `require` of Node's own modules.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  sourcemap: 'linked',
  sourcesContent: false,
  keepNames: true,
  legalComments: 'none',
  logLevel: 'error',
  metafile: process.argv.includes('--sizes'),
})
if (result.metafile) {
  for (const [file, { bytes }] of Object.entries(result.metafile.outputs)) {
    if (file.endsWith('.js')) console.log(`${String(bytes).padStart(9)}  ${file}`)
  }
}
