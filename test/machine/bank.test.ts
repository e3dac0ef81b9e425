import fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import type { Json } from '../../src/base/json.ts'
import { checkDefinition } from '../../src/machine/define.ts'
import { instantiate } from '../../src/machine/defined.ts'
import { assertDeterministic } from '../../src/machine/deterministic.ts'
import { Rejected } from '../../src/machine/machine.ts'
import { Driven, hashOf } from './support.ts'

// Imported as the daemon does it: a module of which nothing is known.
const module = '../../config/machines/bank.js'
const bank = checkDefinition(Reflect.get(await import(module), 'default'))

let m: Driven
beforeEach(() => {
  m = new Driven(instantiate(bank))
  for (const account of ['alice', 'bob']) m.run({ do: 'open', account })
  m.run({ do: 'credit', account: 'alice', amount: 100 })
})
const balance = (account: string): Json => m.ask({ get: 'balance', account })

test('credit, debit and transfer', () => {
  expect(m.run({ do: 'transfer', from: 'alice', to: 'bob', amount: 40 })).toEqual({
    from: { account: 'alice', balance: 60 },
    to: { account: 'bob', balance: 40 },
  })
  expect(m.run({ do: 'debit', account: 'bob', amount: 15 })).toEqual({
    account: 'bob',
    balance: 25,
  })
  expect(balance('alice')).toEqual({ account: 'alice', balance: 60 })
  expect(balance('nobody')).toEqual({ account: 'nobody', balance: null })
  expect(m.ask({ get: 'total' })).toEqual({ total: 85, accounts: 2, credited: 100, debited: 15 })
  expect(m.run({ do: 'transfer', from: 'bob', to: 'bob', amount: 25 })).toMatchObject({
    to: { balance: 25 },
  })
})

test.each<[Json, string]>([
  [{ do: 'debit', account: 'alice', amount: 101 }, 'INSUFFICIENT_FUNDS'],
  [{ do: 'transfer', from: 'bob', to: 'alice', amount: 1 }, 'INSUFFICIENT_FUNDS'],
  [{ do: 'transfer', from: 'alice', to: 'carol', amount: 1 }, 'NO_SUCH_ACCOUNT'],
  [{ do: 'credit', account: 'carol', amount: 1 }, 'NO_SUCH_ACCOUNT'],
  [{ do: 'credit', account: 'alice', amount: 0 }, 'BAD_AMOUNT'],
  [{ do: 'credit', account: 'alice', amount: -5 }, 'BAD_AMOUNT'],
  [{ do: 'credit', account: 'alice', amount: 0.5 }, 'BAD_AMOUNT'],
  [{ do: 'credit', account: 'alice', amount: '5' }, 'BAD_AMOUNT'],
  [{ do: 'credit', account: 'alice', amount: Number.MAX_SAFE_INTEGER }, 'TOO_MUCH_MONEY'],
  [{ do: 'open', account: 'alice' }, 'ACCOUNT_EXISTS'],
  [{ do: 'open', account: '' }, 'BAD_ACCOUNT'],
  [{ do: 'rob' }, 'UNKNOWN_COMMAND'],
  [null, 'UNKNOWN_COMMAND'],
])('%j is refused: %s', (command, reason) => {
  const before = hashOf(m.machine)
  expect(m.refuse(command)).toMatchObject({ name: 'APP_REJECTED', data: { reason } })
  expect(hashOf(m.machine)).toBe(before)
})

const account = fc.constantFrom('alice', 'bob', 'carol', '__proto__', 'nobody')
const amount = fc.integer({ min: -5, max: 60 })
const command = fc.oneof(
  fc.record({ do: fc.constant('open'), account }),
  fc.record({ do: fc.constantFrom('credit', 'debit'), account, amount }),
  fc.record({ do: fc.constant('transfer'), from: account, to: account, amount }),
)

test('no balance is ever below zero, and money is conserved', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), commands => {
      const bankOfRun = new Driven(instantiate(bank))
      for (const each of commands) {
        try {
          bankOfRun.run(each)
        } catch (error) {
          if (!(error instanceof Rejected)) throw error
        }
        const { total, credited, debited } = bankOfRun.ask({ get: 'total' }) as {
          [name: string]: number
        }
        expect(total).toBe((credited ?? 0) - (debited ?? 0))
        for (const name of ['alice', 'bob', 'carol', '__proto__']) {
          const { balance } = bankOfRun.ask({ get: 'balance', account: name }) as {
            balance: number | null
          }
          expect(balance ?? 0).toBeGreaterThanOrEqual(0)
        }
      }
    }),
    { numRuns: 100 },
  )
})

test('the bank is deterministic', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 30 }), commands => {
      assertDeterministic(bank, commands)
    }),
    { numRuns: 50 },
  )
})
