/**
 * One long run of everything that speaks for the promises of docs/reliability.md:
 *
 *   npm run reliability                            all parts, an hour or so; the machine should be quiet
 *   npm run reliability -- failover one-down       these only; --list names them
 *   npm run reliability -- --write                 puts the figures into docs/reliability.md and .json
 *   … --quick                                      every part as short as it goes: does it run at all?
 *   … --json FILE                                  the figures of this run · --base-port P: ports of daemons
 *
 * One line a row: name, figure, what is wanted, reached or not. Exit code: 0 all reached or skipped · 1 not · 2 usage.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { exitOnSignals } from './bench/processes.mjs'
import { write } from './reliability/document.mjs'
import { PARTS } from './reliability/parts.mjs'

exitOnSignals()
const { parts, isQuick, isWritten, json, basePort } = parse()
const rows = {}
let missed = 0
for (const part of parts) {
  process.stderr.write(`… ${part.name}\n`)
  const measured = await attempt(part)
  for (const [id, row] of Object.entries(measured)) {
    rows[id] = row
    if (row.reached === false) missed++
    console.log(`${id.padEnd(20)} ${told(row, part.rows[id][1])}`)
  }
  // Each time: a run that is cut short leaves what it measured.
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(rows, undefined, 2)}\n`)
  if (isWritten) write(rows)
}
const all = Object.values(rows)
const skipped = all.filter(row => row.skipped !== undefined).length
console.log(`${all.length - missed - skipped} reached, ${missed} not, ${skipped} skipped`)
process.exit(missed === 0 ? 0 : 1)

/** A part that falls over has not reached what it was to reach; the next ones still run. */
async function attempt(part) {
  try {
    return await part.run({ isQuick, basePort })
  } catch (error) {
    const [figure] = error.message.split('\n')
    process.stderr.write(`${error.stack}\n`)
    return Object.fromEntries(Object.keys(part.rows).map(id => [id, { figure, reached: false }]))
  }
}

function told({ figure, reached, skipped }, wanted) {
  if (skipped !== undefined) return `skipped: ${skipped}`
  return `${figure} · wanted: ${wanted} · ${reached ? 'reached' : 'NOT REACHED'}`
}

function parse() {
  const text = { type: 'string' }
  const flag = { type: 'boolean', default: false }
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { quick: flag, write: flag, list: flag, json: text, 'base-port': text },
    })
    const strange = positionals.find(name => !PARTS.some(part => part.name === name))
    if (strange !== undefined) throw new Error(`there is no part ${strange}`)
    if (values.quick && values.write) throw new Error('--quick measures nothing worth writing')
    if (values.list) {
      console.log(PARTS.map(({ name }) => name).join('\n'))
      process.exit(0)
    }
    const port = values['base-port']
    if (port !== undefined && !Number.isInteger(Number(port)))
      throw new Error(`--base-port ${port} is no port`)
    return {
      parts: PARTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name)),
      isQuick: values.quick,
      isWritten: values.write,
      json: values.json,
      basePort: port === undefined ? undefined : Number(port),
    }
  } catch (error) {
    console.error(`${error.message} (see the head of scripts/reliability.mjs)`)
    process.exit(2)
  }
}
