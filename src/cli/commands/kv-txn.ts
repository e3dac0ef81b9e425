/** kv txn FILE: compare, then or else, in one commit. */
import { isObject } from '../../base/json.ts'
import type { Transaction } from '../../client/exports.ts'
import type { Run } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { readText } from '../input.ts'
import { UsageError } from '../usage-error.ts'
import { parseJson, printable, showValue } from '../value.ts'

export const txn: Run = async (context, [file = '-']) => {
  const written = parseJson(await readText(file), file === '-' ? 'the transaction' : file)
  if (!isObject(written)) {
    throw new UsageError(`a transaction is an object such as {"compare":[],"then":[],"else":[]}`)
  }
  // The daemon checks what a user wrote, and names what is wrong with it.
  const { compare = [], then = [], else: otherwise = [] } = written as Transaction
  const answer = await context.client().kv.txn({ compare, then, else: otherwise })
  const { succeeded, results } = answer
  context.output.print({
    whole: answer,
    people: () =>
      [succeeded ? 'succeeded' : 'compare failed', ...results.map(result => showValue(result))]
        .map(printable)
        .join('\n'),
  })
  return succeeded ? EXIT.ok : EXIT.compareFailed
}
