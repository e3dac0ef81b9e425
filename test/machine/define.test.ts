import { describe, expect, test } from 'vitest'
import { AssertionError } from '../../src/base/assert.ts'
import type { Json } from '../../src/base/json.ts'
import { createService } from '../../src/machine/compose.ts'
import type { MachineContext, MachineDefinition } from '../../src/machine/define.ts'
import { checkDefinition, defineMachine } from '../../src/machine/define.ts'
import { instantiate } from '../../src/machine/defined.ts'
import { assertDeterministic } from '../../src/machine/deterministic.ts'
import { KvMachine } from '../../src/machine/kv/kv.ts'
import { decodeResult, encodeOperation } from '../../src/machine/operation.ts'
import { Driven, hashOf, refusalOf, reloaded } from './support.ts'

interface List {
  items: Json[]
}

type Do = (state: List, context: MachineContext, command: Json) => Json | undefined

/** A machine whose commands are names of functions given here. */
function machineOf(verbs: { readonly [name: string]: Do }): MachineDefinition<List> {
  return defineMachine<List>({
    name: 'test',
    version: 2,
    init: () => ({ items: [] }),
    apply: (state, command, context) => {
      const [verb, argument = null] = Array.isArray(command) ? command : [command]
      if (verb === 'push') return state.items.push(argument)
      return verbs[String(verb)]?.(state, context, argument)
    },
    query: state => state as unknown as Json,
  })
}

const drive = (verbs: { readonly [name: string]: Do } = {}) =>
  new Driven(instantiate(machineOf(verbs)))

test('apply changes the state and answers; undefined is null', () => {
  const m = drive({ nothing: () => undefined })
  expect(m.run(['push', 'a'])).toBe(1)
  expect(m.run(['push', { b: 1 }])).toBe(2)
  expect(m.run('nothing')).toBeNull()
  expect(m.ask(null)).toEqual({ items: ['a', { b: 1 }] })
})

test('the context is made of what is in the log', () => {
  const seen: unknown[] = []
  const m = drive({
    look: (_, { op, rev, timeMs, session, correlationId, random }) => {
      seen.push({ op, rev, timeMs, session, correlationId })
      return [random(), random()]
    },
  })
  const first = m.run('look')
  const second = m.run('look')
  expect(seen[0]).toEqual({
    op: 1,
    rev: 1,
    timeMs: 1_000_000,
    session: 'c1',
    correlationId: undefined,
  })
  expect(first).not.toEqual(second)
  expect(drive({ look: (_, { random }) => [random(), random()] }).run('look')).toEqual(first)
})

describe('a throw refuses the command and leaves the state as it was', () => {
  const verbs: { [name: string]: Do } = {
    reject: (s, c) => {
      s.items.push('half')
      return c.reject('NOT_TODAY', { items: s.items })
    },
    error: s => {
      s.items.length = 0
      throw new Error('changed my mind')
    },
    type: s => {
      s.items = []
      return (s.items[5] as unknown as { x: { y: Json } }).x.y
    },
    text: s => {
      s.items.push('half')
      throw 'up'
    },
    promise: s => {
      s.items.push('half')
      return Promise.resolve(1) as unknown as Json
    },
    nan: s => s.items.push('half') / 0,
    map: s => {
      s.items.push('half')
      return { deep: [new Map()] } as unknown as Json
    },
    loop: s => {
      const loop: Json[] = []
      loop.push(loop)
      s.items.push('half')
      return loop
    },
    huge: s => {
      s.items.push('half')
      return 'x'.repeat(5 * 1024 * 1024)
    },
    publish: (s, c) => {
      s.items.push('half')
      c.publish('feed', 1)
      return 1
    },
  }
  test.each([
    ['reject', 'test refuses: NOT_TODAY', 'NOT_TODAY'],
    ['error', 'test failed: changed my mind', 'FAILED'],
    ['type', 'test failed with TypeError', 'FAILED'],
    ['text', 'test threw something that is no Error', 'FAILED'],
    ['promise', 'test failed: the result of apply is not JSON: it holds a Promise', 'FAILED'],
    ['nan', 'test failed: the result of apply is not JSON: it holds Infinity', 'FAILED'],
    ['map', 'test failed: the result of apply is not JSON: it holds a Map at deep.0', 'FAILED'],
    ['loop', /nested deeper than 100 levels, or holds itself/, 'FAILED'],
    ['huge', /too large/, 'FAILED'],
    ['publish', /there are no feeds here/, undefined],
  ])('%s', (verb, message, reason) => {
    const m = drive(verbs)
    // Enough for the base to be renewed on the way.
    for (let i = 0; i < 300; i++) {
      m.run(['push', { i, text: 'x'.repeat(400) }])
      if (i % 50 !== 0) continue
      const before = [m.ask(null), hashOf(m.machine)]
      const refusal = m.refuse(verb)
      expect(refusal.name).toBe('APP_REJECTED')
      expect(refusal.data).toMatchObject(reason === undefined ? {} : { reason })
      expect(refusal.message).toMatch(message)
      expect([m.ask(null), hashOf(m.machine)]).toEqual(before)
    }
    expect(m.ask(null)).toMatchObject({ items: { length: 300 } })
  })

  test('the data of a reject is a copy of the moment', () => {
    const m = drive(verbs)
    m.run(['push', 1])
    expect(m.refuse('reject').data).toEqual({ reason: 'NOT_TODAY', data: { items: [1, 'half'] } })
  })

  test('also when apply has kept and changed the command', () => {
    const m = drive({
      ...verbs,
      grow: s => {
        for (const item of s.items) (item as Json[]).push('more')
        return s.items
      },
    })
    m.run(['push', ['a']])
    m.run('grow')
    m.refuse('error')
    expect(m.ask(null)).toEqual({ items: [['a', 'more']] })
  })

  test('the failure itself goes to the log of the node', () => {
    const failures: unknown[] = []
    const s = createService([instantiate(machineOf(verbs))], { onFailure: e => failures.push(e) })
    const context = { opNumber: 1, rev: 1, timeMs: 1, session: 's' }
    for (const verb of ['reject', 'error', 'type']) {
      const result = decodeResult(s.execute(encodeOperation('test', verb), context, []))
      expect(result).toMatchObject({ type: 'error', error: { name: 'APP_REJECTED' } })
    }
    expect(failures).toEqual([expect.any(Error), expect.any(TypeError)])
  })
})

test('an answer does not change with the state that it was part of', () => {
  const m = drive()
  m.run(['push', { n: 1 }])
  const answer = m.ask(null)
  m.run(['push', 2])
  expect(answer).toEqual({ items: [{ n: 1 }] })
})

describe('snapshot and restore', () => {
  interface Ledger {
    readonly entries: Map<string, number>
  }
  const ledger: MachineDefinition<Ledger> = {
    name: 'ledger',
    version: 1,
    init: () => ({ entries: new Map() }),
    apply: ({ entries }, command, context) => {
      entries.set(String(command), context.rev)
      if (command === 'bad') context.reject('BAD')
      return entries.size
    },
    query: ({ entries }) => [...entries],
    snapshot: ({ entries }) => [...entries],
    restore: snapshot => ({ entries: new Map(snapshot as [string, number][]) }),
  }

  test('carry a state that is no JSON', () => {
    const m = new Driven(instantiate(ledger))
    m.run('a')
    m.refuse('bad')
    m.run('b')
    const again = reloaded(m.machine, instantiate(ledger))
    expect(again.query(null, 0)).toEqual([
      ['a', 1],
      ['b', 3],
    ])
    expect(hashOf(again)).toBe(hashOf(m.machine))
    expect(again.takeDirty()).toEqual([])
  })

  test('restore learns which version wrote it', () => {
    const m = new Driven(instantiate(ledger))
    m.run('a')
    const seen: number[] = []
    const next = instantiate({
      ...ledger,
      version: 2,
      restore: (snapshot: Json, version: number) => {
        seen.push(version)
        return { entries: new Map(snapshot as [string, number][]) }
      },
    })
    reloaded(m.machine, next).query(null, 0)
    expect(seen).toEqual([1])
  })

  test('a state that is no JSON, without them, stops before it is lost', () => {
    const { snapshot: _s, restore: _r, ...bare } = ledger
    expect(() => instantiate(bare)).toThrow(/holds a Map at entries: write snapshot and restore/)
    const m = drive({
      spoil: s => {
        s.items.push(new Date(0) as unknown as Json)
        return 1
      },
    })
    m.run('spoil')
    expect(() => m.machine.freeze()).toThrow(AssertionError)
  })

  test('a restore that fails stops the replica, whatever the command', () => {
    const broken = instantiate({
      ...ledger,
      restore: () => {
        throw new Error('no such thing')
      },
    })
    const m = new Driven(broken)
    m.run('a')
    m.refuse('bad')
    expect(() => m.run('b')).toThrow(AssertionError)
    expect(() => m.ask(null)).toThrow(/no such thing/)
  })

  test('a long state is many records, of which those that changed are dirty', () => {
    const m = drive()
    for (let i = 0; i < 300; i++) m.run(['push', `${i} \u{1f600} ${'\u{1f600}'.repeat(500)}`])
    const ids = m.machine.takeDirty()
    expect(ids).toEqual(['00000000', '00000001', '00000002', '00000003', '00000004'])
    for (const { value = '' } of m.machine.freeze().records(undefined)) {
      expect(value.isWellFormed()).toBe(true)
      expect(value.length).toBeLessThanOrEqual(65_536)
    }
    m.run(['push', 'x'])
    expect(m.machine.takeDirty()).toEqual(['00000004'])
    expect(m.machine.takeDirty()).toEqual([])
    const again = reloaded(m.machine, instantiate(machineOf({})))
    expect(again.query(null, 0)).toEqual(m.ask(null))
    m.machine.clear()
    expect(m.machine.takeDirty()).toEqual(['00000000'])
    expect(m.ask(null)).toEqual({ items: [] })
  })

  test('records that are no more are told', () => {
    const m = drive({
      empty: s => {
        s.items = []
        return 0
      },
    })
    for (let i = 0; i < 3; i++) m.run(['push', 'x'.repeat(60_000)])
    expect(m.machine.takeDirty()).toHaveLength(3)
    m.run('empty')
    expect(m.machine.takeDirty()).toHaveLength(3)
    expect(m.machine.record('00000000')).toBe('2;{"items":[]}')
    expect(m.machine.record('00000001')).toBeUndefined()
  })
})

test('a query that fails is refused; without a query there is none', () => {
  const m = new Driven(
    instantiate({
      ...machineOf({}),
      query: () => {
        throw new Error('what?')
      },
    }),
  )
  expect(refusalOf(() => m.ask(1))).toMatchObject({
    name: 'APP_REJECTED',
    message: 'test failed: what?',
  })
  const { query: _query, ...mute } = machineOf({})
  expect(refusalOf(() => new Driven(instantiate(mute)).ask(1)).name).toBe('INVALID_PARAMS')
})

test.each<[unknown, RegExp]>([
  [undefined, /export it as default/],
  [() => 1, /export it as default/],
  [{ version: 1 }, /name/],
  [{ name: 'x', version: '1' }, /version/],
  [{ name: 'x', version: 1, init: () => ({}) }, /apply .* must be a function/],
  [{ name: 'x', version: 1, init: () => ({}), apply: () => 1, query: 5 }, /query/],
  [{ name: 'x', version: 1, init: () => ({}), apply: () => 1, snapshot: () => 1 }, /both/],
])('%j is no definition', (given, message) => {
  expect(() => checkDefinition(given)).toThrow(message)
})

test('init must give an object', () => {
  expect(() => instantiate({ ...machineOf({}), init: () => 5 as unknown as List })).toThrow(
    /gives an object/,
  )
})

describe('assertDeterministic', () => {
  let ambient = 0
  const outside: Do = s => s.items.push(ambient++)

  test('passes what is', () => {
    const verbs: { [name: string]: Do } = { draw: (s, c) => s.items.push(c.random(), c.timeMs) }
    assertDeterministic(machineOf(verbs), [['push', 1], 'draw', 'unknown', 'draw'])
    assertDeterministic(
      () => new KvMachine(),
      [{ op: 'put', key: 'a', value: 1, ttlMs: 5 }, { op: 'incr', key: 'a' }, { op: 'nonsense' }],
    )
  })

  test('names the command of what is not', () => {
    expect(() => assertDeterministic(machineOf({ outside }), [['push', 1], 'outside'])).toThrow(
      /command 1, "outside", after|after command 1/,
    )
    const answers: { [name: string]: Do } = { answer: () => ambient++ }
    expect(() => assertDeterministic(machineOf(answers), ['answer'])).toThrow(
      /command 0, "answer", is answered/,
    )
  })

  test('finds state outside the state, which a restart loses', () => {
    const hidden = (): MachineDefinition<{ n: number }> => ({
      name: 'hidden',
      version: 1,
      init: () => ({ n: 0 }),
      apply: state => {
        const cache = state as { cached?: number }
        cache.cached = (cache.cached ?? 0) + 1
        return cache.cached
      },
      snapshot: ({ n }) => ({ n }),
      restore: snapshot => snapshot as { n: number },
    })
    expect(() => assertDeterministic(hidden(), [1, 2])).toThrow(/command 1/)
  })
})
