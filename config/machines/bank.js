// A bank: an example of a state machine of your own. In the configuration of every node:
//
//   stateMachines: [{ name: bank, module: ./bank.js }]
//
// and then, through any of them:
//
//   viewstamp sm submit bank '{"do":"open","account":"alice"}'
//   viewstamp sm submit bank '{"do":"credit","account":"alice","amount":100}'
//   viewstamp sm submit bank '{"do":"transfer","from":"alice","to":"bob","amount":40}'
//   viewstamp sm query bank '{"get":"balance","account":"alice"}'
//
// What holds after every command: no balance is below zero; the balances add up to what was credited
// less what was debited. Amounts are whole numbers, of cents say.

/** @type {import('viewstamp/machine').MachineDefinition<{accounts: Map<string, number>, credited: number, debited: number}>} */
export default {
  name: 'bank',
  version: 1,

  // A Map, because an account may have any name, `__proto__` too.
  init: () => ({ accounts: new Map(), credited: 0, debited: 0 }),

  /** Every branch checks first and changes last. */
  apply(state, command, context) {
    switch (command?.do) {
      case 'open': {
        const account = nameOf(command.account, context)
        if (state.accounts.has(account)) context.reject('ACCOUNT_EXISTS', { account })
        state.accounts.set(account, 0)
        return { account, balance: 0 }
      }
      case 'credit': {
        const account = existing(state, command.account, context)
        const amount = amountOf(command.amount, context)
        // The sum of all credits bounds every balance and every sum of them.
        if (state.credited + amount > Number.MAX_SAFE_INTEGER) context.reject('TOO_MUCH_MONEY')
        state.credited += amount
        return change(state, account, amount)
      }
      case 'debit': {
        const account = existing(state, command.account, context)
        const amount = amountOf(command.amount, context)
        checkFunds(state, account, amount, context)
        state.debited += amount
        return change(state, account, -amount)
      }
      case 'transfer': {
        const from = existing(state, command.from, context)
        const to = existing(state, command.to, context)
        const amount = amountOf(command.amount, context)
        checkFunds(state, from, amount, context)
        const source = change(state, from, -amount)
        return { from: source, to: change(state, to, amount) }
      }
      default:
        return context.reject('UNKNOWN_COMMAND', {
          commands: ['open', 'credit', 'debit', 'transfer'],
        })
    }
  },

  query(state, query) {
    switch (query?.get) {
      case 'balance':
        return { account: query.account, balance: state.accounts.get(query.account) ?? null }
      case 'total': {
        let total = 0
        for (const balance of state.accounts.values()) total += balance
        return {
          total,
          accounts: state.accounts.size,
          credited: state.credited,
          debited: state.debited,
        }
      }
      default:
        throw new Error('unknown query: use {"get":"balance","account":…} or {"get":"total"}')
    }
  },

  snapshot: state => ({ ...state, accounts: [...state.accounts] }),
  restore: snapshot => ({ ...snapshot, accounts: new Map(snapshot.accounts) }),
}

function nameOf(account, context) {
  if (typeof account !== 'string' || account === '' || account.length > 100) {
    context.reject('BAD_ACCOUNT', { expected: 'a string of 1 to 100 characters' })
  }
  return account
}

function existing(state, account, context) {
  if (!state.accounts.has(account)) context.reject('NO_SUCH_ACCOUNT', { account: account ?? null })
  return account
}

function amountOf(amount, context) {
  if (!Number.isSafeInteger(amount) || amount <= 0) {
    context.reject('BAD_AMOUNT', { expected: 'a whole number above 0' })
  }
  return amount
}

function checkFunds(state, account, amount, context) {
  const balance = state.accounts.get(account)
  if (balance < amount) context.reject('INSUFFICIENT_FUNDS', { account, balance, amount })
}

function change(state, account, amount) {
  const balance = state.accounts.get(account) + amount
  state.accounts.set(account, balance)
  return { account, balance }
}
