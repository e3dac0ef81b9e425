/** Writes docs/rpc.md from the method tables. Reads TypeScript by way of esbuild, as the build does. */
import { writeFileSync } from 'node:fs'
import { build } from 'esbuild'

const entry = `
export { rpcReference } from './src/rpc/reference.ts'
export { METHODS } from './src/rpc/methods/table.ts'`
const { outputFiles } = await build({
  stdin: { contents: entry, resolveDir: process.cwd() },
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
})
const code = Buffer.from(outputFiles[0].contents).toString('base64')
const { rpcReference, METHODS } = await import(`data:text/javascript;base64,${code}`)
writeFileSync('docs/rpc.md', rpcReference(METHODS))
