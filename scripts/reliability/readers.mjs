/** What the scripts say, as figures. Each reader gives { figure, reached } for a row of the table. */

import { stripVTControlCharacters as plain } from 'node:util'
import { decimal, whole } from '../bench/report.mjs'

/** The last line that says anything: what a script that failed ended with. */
export function lastLine(out) {
  return plain(out).trim().split('\n').at(-1)?.slice(0, 200) || 'it said nothing'
}

const failed = out => ({ figure: lastLine(out), reached: false })

/** npm run sim -- --seeds N */
export function readSim({ code, out }) {
  const found =
    /(\d+) \w+ seeds passed in [\d.]+ s \(\d+ events\/s\); (\d+) virtual s; .*?events (\d+)/.exec(
      out,
    )
  if (code !== 0 || found === null) return failed(out)
  const [seeds, seconds, events] = found.slice(1).map(Number)
  const hours = decimal(seconds / 3600)
  const figure = `${whole(seeds)} seeds, ${whole(events)} events, ${hours} virtual hours, 0 failures`
  return { figure, reached: true }
}

/** Of the same run: events a second, of each of the processes that shared the seeds. */
export function readSimSpeed({ code, out }, { jobs, least }) {
  const rate = Number(/\((\d+) events\/s\)/.exec(out)?.[1]) / jobs
  if (code !== 0 || !(rate > 0)) return failed(out)
  return { figure: `${whole(rate)} events/s`, reached: rate >= least }
}

/** npm run explore */
export function readExplore({ code, out }, { least }) {
  const found = /(\d+) states, (\d+) steps, (\d+) events deep/.exec(out)
  if (code !== 0 || found === null) return failed(out)
  const [states, steps, depth] = found.slice(1).map(Number)
  const figure = `${whole(states)} states, ${whole(steps)} steps, ${depth} events deep, no violation`
  return { figure, reached: states >= least }
}

/** npm run mutants */
export function readMutants({ code, out }) {
  const found = /(\d+) mutants, (\d+) not caught; seeds: median (\d+), worst (\d+)/.exec(out)
  if (found === null) return failed(out)
  const [mutants, missed] = found.slice(1).map(Number)
  return { figure: `${mutants - missed} of ${mutants} caught`, reached: code === 0 && missed === 0 }
}

/** One line of npm run nemesis: { word: ok | FAIL | skip, why, figures: name → text }. */
export function readNemesis({ out }, name) {
  const lines = plain(out).split('\n')
  const skipped = lines.find(line => line.startsWith(`skip  ${name}: `))
  if (skipped !== undefined) return { word: 'skip', why: skipped.slice(`skip  ${name}: `.length) }
  const found = lines.map(line => /^(ok|FAIL) +(\S+) \(\d+ s\): (.*)$/.exec(line))
  const mine = found.find(each => each?.[2] === name)
  if (mine === undefined) return { word: 'FAIL', why: lastLine(out) }
  const [, word, , text] = mine
  if (word === 'FAIL') return { word, why: text.replace(/^why /, '') }
  const figures = new Map(
    text.split(', ').map(each => {
      const at = each.search(/ [\d/]+( ms)?$/)
      return at < 0 ? [each, ''] : [each.slice(0, at), each.slice(at + 1)]
    }),
  )
  return { word, text, figures }
}

/** «12/340 ms»: the middle and the worst. */
export function worstMs(text) {
  return Number(/(\d+) ms$/.exec(text ?? '')?.[1] ?? Number.NaN)
}

/** npm run nemesis:kills: one line for each kind of fault. */
export function readKills({ code, out }, { seconds }) {
  const rows = [...out.matchAll(/^([a-z-]+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) (.+)$/gm)]
  if (rows.length === 0) return { verdict: failed(out), pace: failed(out) }
  const sum = i => rows.reduce((total, row) => total + Number(row[i]), 0)
  const bad = rows.filter(row => row[7] !== 'ok').map(row => `${row[1]}: ${row[7]}`)
  const acknowledged = sum(4)
  const perMinute = (60 * acknowledged) / (rows.length * seconds)
  const done = `${rows.length} runs of ${seconds} s, ${sum(2)} faults, ${whole(acknowledged)} acknowledged`
  const how = bad.length === 0 ? 'every history linearizable' : bad.join('; ')
  return {
    verdict: { figure: `${done}: ${how}`, reached: code === 0 && bad.length === 0 },
    pace: { figure: `${whole(perMinute)} a minute`, reached: perMinute >= 5_000 },
  }
}

/** One line of npm run soak, and the faults that it found there. */
export function readSoak({ code, out }, { line, faults }) {
  const said = out.split('\n').find(each => each.startsWith(line))
  const found = [...out.matchAll(/^FAULT (.*)$/gm)].map(([, text]) => text)
  const mine = found.filter(text => faults.test(text))
  if (said === undefined || (code !== 0 && code !== 1)) return failed(out)
  const figure = [said.slice(line.length).replace(/^:? */, ''), ...mine].join('; ')
  return { figure, reached: mine.length === 0 }
}
