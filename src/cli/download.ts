/** GET into a file: under another name first, durable, renamed only when the caller has found it good. */
import { createWriteStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { type IncomingMessage, get as overHttp } from 'node:http'
import { get as overHttps } from 'node:https'
import { pipeline } from 'node:stream/promises'
import type { Context } from './context.ts'

export interface Download {
  readonly url: string
  readonly file: string
  /** No byte for so long: given up. */
  readonly stalledMs: number
}

/** `check` throws when the file is not what it should be; then nothing is left of it. */
export async function download(
  context: Context,
  { url, file, stalledMs }: Download,
  check: (path: string) => Promise<void>,
): Promise<void> {
  const partial = `${file}.partial`
  try {
    const response = await request(context, url, stalledMs)
    await pipeline(response, createWriteStream(partial, { mode: 0o600 }))
    await syncFile(partial)
    await check(partial)
    await rename(partial, file)
  } catch (error) {
    await rm(partial, { force: true })
    throw told(error, url, file)
  }
}

function request(context: Context, url: string, stalledMs: number): Promise<IncomingMessage> {
  const get = url.startsWith('https:') ? overHttps : overHttp
  const headers = context.token === undefined ? {} : { authorization: `Bearer ${context.token}` }
  return new Promise((resolve, reject) => {
    const asked = get(url, { headers, timeout: stalledMs }, response => {
      if (response.statusCode === 200) return resolve(response)
      let text = ''
      response.setEncoding('utf8')
      response.on('data', part => {
        text += part
      })
      response.on('end', () =>
        reject(new Error(`${url} answers ${response.statusCode}: ${text.trim()}`)),
      )
    })
    asked.on('timeout', () => asked.destroy(new Error(`nothing came for ${stalledMs} ms`)))
    asked.on('error', reject)
  })
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

function told(error: unknown, url: string, file: string): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error
  const code = String(error.code)
  const ofFile = 'path' in error
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new Error(`the disk of ${file} is full: free some space, or name a file on another disk`)
  }
  if (ofFile) return new Error(`${file} cannot be written (${code})`)
  return new Error(`the download of ${url} was cut short (${code}): run the command again`)
}
