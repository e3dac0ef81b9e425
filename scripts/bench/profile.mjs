/** Where the nodes' time went: own time by function, from the .cpuprofile files of a run. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The `count` costliest functions of every profile in `dir`; idle time is left out of the whole. */
export function hotFunctions(dir, count = 25) {
  const sources = new Sources()
  const files = readdirSync(dir).filter(file => file.endsWith('.cpuprofile'))
  return files.sort().map(file => {
    const profile = JSON.parse(readFileSync(join(dir, file), 'utf8'))
    const { busyMicros, allMicros, own } = ownMicros(profile, sources)
    const costliest = [...own].sort((a, b) => b[1] - a[1]).slice(0, count)
    const functions = costliest.map(([where, micros]) => ({ share: micros / busyMicros, where }))
    return { name: file.replace('.cpuprofile', ''), busy: busyMicros / allMicros, functions }
  })
}

function ownMicros({ nodes, samples, timeDeltas }, sources) {
  const places = new Map(nodes.map(({ id, callFrame }) => [id, sources.place(callFrame)]))
  const own = new Map()
  let allMicros = 0
  let busyMicros = 0
  for (let i = 0; i < samples.length; i++) {
    const where = places.get(samples[i])
    allMicros += timeDeltas[i]
    if (where === '(idle)') continue
    busyMicros += timeDeltas[i]
    own.set(where, (own.get(where) ?? 0) + timeDeltas[i])
  }
  return { allMicros, busyMicros, own }
}

/** Bundled places → source places, by the maps beside the bundle. */
class Sources {
  #maps = new Map()

  place({ functionName, url, lineNumber, columnNumber }) {
    const name = functionName === '' ? '(anonymous)' : functionName
    if (url === '' || url.startsWith('node:')) return url === '' ? name : `${name}  ${url}`
    const file = url.startsWith('file:') ? fileURLToPath(url) : url
    const entry = this.#map(file)?.findEntry(lineNumber, columnNumber)
    if (entry?.originalSource === undefined) return `${name}  ${short(file)}:${lineNumber + 1}`
    const source = resolve(dirname(file), entry.originalSource)
    return `${name}  ${short(source)}:${entry.originalLine + 1}`
  }

  #map(file) {
    if (!this.#maps.has(file)) {
      const path = `${file}.map`
      const map = existsSync(path)
        ? new SourceMap(JSON.parse(readFileSync(path, 'utf8')))
        : undefined
      this.#maps.set(file, map)
    }
    return this.#maps.get(file)
  }
}

function short(file) {
  const path = relative(root, file)
  const packages = path.lastIndexOf('node_modules/')
  return packages < 0 ? path.replace(/^.*\/(src|dist)\//, '$1/') : path.slice(packages)
}
