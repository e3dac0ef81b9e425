/** The long run reads what the scripts say as they say it: a run that failed, or said nothing, has reached nothing. */
import { expect, test } from 'vitest'

// Plain JavaScript without declarations, as all scripts are.
const readers = await import('../../scripts/reliability/readers.mjs' as string)
const { judge } = await import('../../scripts/reliability/one-down.mjs' as string)

const NEMESIS = `seed 7
ok    power-cuts (64 s): cuts 2, acknowledged 371, unknown 25, refused 915, reads 308, lost 0, answered 495 ms, agreed 14 ms, ready 3918/3919 ms
skip  disk-full: needs loop devices (mount -o loop)
FAIL  damage (9 s): why 3 of 9 acknowledged writes are lost
2 passed, 1 failed
`

test('the lines of the nemesis', () => {
  const cuts = readers.readNemesis({ out: NEMESIS }, 'power-cuts')
  expect(cuts.word).toBe('ok')
  expect(cuts.figures.get('acknowledged')).toBe('371')
  expect(readers.worstMs(cuts.figures.get('ready'))).toBe(3919)
  expect(readers.worstMs(cuts.figures.get('agreed'))).toBe(14)
  expect(readers.readNemesis({ out: NEMESIS }, 'disk-full')).toEqual({
    word: 'skip',
    why: 'needs loop devices (mount -o loop)',
  })
  const damage = readers.readNemesis({ out: NEMESIS }, 'damage')
  expect(damage).toEqual({ word: 'FAIL', why: '3 of 9 acknowledged writes are lost' })
  expect(readers.readNemesis({ out: 'Error: no' }, 'damage')).toEqual({
    word: 'FAIL',
    why: 'Error: no',
  })
})

test('the lines of the simulator and the explorer', () => {
  const out =
    '2000 lite seeds passed in 100.0 s (260000 events/s); 72000 virtual s; events 26000000, ops 9'
  expect(readers.readSim({ code: 0, out })).toEqual({
    figure: '2 000 seeds, 26 000 000 events, 20.0 virtual hours, 0 failures',
    reached: true,
  })
  const speed = { jobs: 2, least: 40_000 }
  expect(readers.readSimSpeed({ code: 0, out }, speed)).toEqual({
    figure: '130 000 events/s',
    reached: true,
  })
  expect(readers.readSim({ code: 1, out: `${out}\nbut they tried too little: crashes` })).toEqual({
    figure: 'but they tried too little: crashes',
    reached: false,
  })
  expect(readers.readSimSpeed({ code: 129, out: 'property · no' }, speed).reached).toBe(false)
  const corner =
    '1500 states, 5800 steps, 9 events deep, in 1.0 s (1500 states/s, 99 MiB); more is left'
  expect(readers.readExplore({ code: 0, out: corner }, { least: 2000 }).reached).toBe(false)
  expect(readers.readExplore({ code: 0, out: corner }, { least: 1000 }).reached).toBe(true)
})

test('the lines of kills and of the soak', () => {
  const kills = `FAULT            TIMES    OPS     OK  UNKNOWN  FAILED  VERDICT
kill-one             9  12000  10000       12      88 ok
stop-one             3  12000  10000       12      88 too little
1 runs failed`
  const { verdict, pace } = readers.readKills({ code: 1, out: kills }, { seconds: 60 })
  expect(verdict.reached).toBe(false)
  expect(verdict.figure).toContain('12 faults, 20 000 acknowledged: stop-one: too little')
  expect(pace).toEqual({ figure: '10 000 a minute', reached: true })
  const soak = { line: '2 × peak', faults: /^2 × peak/ }
  const out = '2 × peak: offered 9/s, done 8/s\nFAULT 2 × peak: 1 view changes\n1 faults'
  expect(readers.readSoak({ code: 1, out }, soak)).toEqual({
    figure: 'offered 9/s, done 8/s; 2 × peak: 1 view changes',
    reached: false,
  })
  expect(readers.readSoak({ code: undefined, out: '2 × peak: offered' }, soak).reached).toBe(false)
})

test('one backup down is judged by medians, and by views', () => {
  const phase = (perSecond: number, p99Ms: number) => ({ perSecond, p99Ms })
  const whole = [phase(1000, 10), phase(1100, 10), phase(1200, 11)]
  const down = [phase(1000, 12), phase(1000, 19), phase(2000, 40)]
  expect(judge(whole, down, 0)).toEqual({
    figure:
      'whole 1 100/s, p99 10.0 ms; one down 1 000/s, p99 19.0 ms: 91 % and 1.90 ×; 0 view changes',
    reached: true,
  })
  expect(judge(whole, down, 1).reached).toBe(false)
  expect(judge(whole, [phase(900, 12)], 0).reached).toBe(false)
  expect(judge(whole, [phase(1100, 21)], 0).reached).toBe(false)
})
