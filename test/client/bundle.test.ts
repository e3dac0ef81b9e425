/** What a browser loads: no module of Node's, no package, and not much of it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { ROOT } from '../daemon/processes.ts'

const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const GZIP_BYTES_MAX = 10 * 1024

/** As a user's bundler would, which takes the condition `browser`. */
async function bundle(contents: string) {
  const built = await build({
    stdin: { contents, resolveDir: ROOT },
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    minify: true,
    metafile: true,
    format: 'esm',
    platform: 'browser',
    logLevel: 'silent',
  })
  return { text: built.outputFiles[0]?.text ?? '', ...built.metafile }
}

test('the condition comes before what every platform may take', () => {
  const conditions = Object.keys(exports['./client'])
  expect(conditions).toEqual(['types', 'browser', 'default'])
})

test('the bundle imports nothing, and is small', async () => {
  const { text, inputs, outputs } = await bundle(
    `import { connect } from 'viewstamp/client'; globalThis.connect = connect`,
  )
  expect(Object.keys(inputs).filter(file => file !== '<stdin>')).toEqual(['dist/client.browser.js'])
  expect(Object.values(outputs).flatMap(output => output.imports)).toEqual([])
  expect(text).not.toMatch(/\bnode:|\brequire\(|process\./)
  expect(gzipSync(text).length).toBeLessThan(GZIP_BYTES_MAX)
})

test('it runs where there is nothing of Node’s: with the WebSocket and fetch of the platform', async () => {
  const { text } = await bundle(
    `import { connect } from 'viewstamp/client'; globalThis.client = connect('http://h.example:1', { session: false })`,
  )
  const sent: string[] = []
  class Platform extends EventTarget {
    readonly url: string
    constructor(url: string) {
      super()
      this.url = url
      queueMicrotask(() => setTimeout(() => this.dispatchEvent(new Event('open'))))
    }
    send(message: string): void {
      sent.push(message)
      const { id } = JSON.parse(message)
      const data = JSON.stringify({ jsonrpc: '2.0', id, result: { kv: null, url: this.url } })
      this.dispatchEvent(new MessageEvent('message', { data }))
    }
    close(): void {}
  }
  const global: Record<string, unknown> = { WebSocket: Platform }
  const names = ['globalThis', 'WebSocket', 'process', 'require', 'Buffer', 'global']
  const run = new Function(...names, text)
  run(global, Platform)
  const client = global['client'] as { kv: { get(key: string): Promise<unknown> } }
  expect(await client.kv.get('x')).toEqual({ kv: null, url: 'ws://h.example:1/rpc' })
  expect(sent).toHaveLength(1)
})
