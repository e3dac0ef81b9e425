/**
 * The bodies a generator sends and how it judges the answers. Bodies are cut from templates and
 * answers are judged by their first bytes, so that the generator takes little of the CPU it shares
 * with the nodes; anything unexpected is parsed in full. Keys and values are plain ASCII.
 */

/** 16 bytes: k000000000000042. */
export function keyName(i) {
  return `k${String(i).padStart(15, '0')}`
}

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789'

/** A value of so many bytes, as JSON text. */
export function valueText(bytes) {
  let text = ''
  while (text.length < bytes) text += letters[Math.floor(Math.random() * letters.length)]
  return JSON.stringify(text)
}

export function putCall(id, key, value) {
  return `{"jsonrpc":"2.0","id":${id},"method":"kv.put","params":{"key":"${key}","value":${value}}}`
}

export function getCall(id, key, consistency) {
  const meta = consistency === 'local' ? ',"meta":{"consistency":"local"}' : ''
  return `{"jsonrpc":"2.0","id":${id},"method":"kv.get","params":{"key":"${key}"${meta}}}`
}

/** One JSON-RPC batch of puts: [[key, value text], …]. */
export function putBatch(pairs) {
  let body = ''
  for (let i = 0; i < pairs.length; i++) {
    body += `${i === 0 ? '[' : ','}${putCall(i + 1, pairs[i][0], pairs[i][1])}`
  }
  return `${body}]`
}

export const feed = 'bench'

const record = value => `{"feed":"${feed}","value":${value}}`

export function publishCall(id, value) {
  return `{"jsonrpc":"2.0","id":${id},"method":"feed.publish","params":${record(value)}}`
}

/** One call, one commit. */
export function publishBatch(id, size, value) {
  const records = Array(size).fill(record(value)).join(',')
  return `{"jsonrpc":"2.0","id":${id},"method":"feed.publishBatch","params":{"records":[${records}]}}`
}

const head = '{"jsonrpc":"2.0","id":'
const success = ',"result":'

const overloaded =
  /^\{"jsonrpc":"2\.0","id":(\d+),"error":\{"code":-32005,.*"name":"OVERLOADED",.*"outcome":"none"\}\}$/
const refusal = Object.assign(new Error('OVERLOADED'), {
  data: { name: 'OVERLOADED', outcome: 'none' },
})

/** The id of an answer to one call, and its error if it is one. */
export function judge(text) {
  if (text.startsWith(head)) {
    const end = text.indexOf(',', head.length)
    if (text.startsWith(success, end)) {
      // A read that finds nothing costs less than one that does: it must not count as the same.
      const error = text.includes('"kv":null')
        ? new Error('a key that was written is missing')
        : undefined
      return { id: Number(text.slice(head.length, end)), error }
    }
  }
  // Thousands a second of them in a test of overload: one error is enough for all.
  const refused = overloaded.exec(text)
  if (refused !== null) return { id: Number(refused[1]), error: refusal }
  const answer = parse(text)
  if ('result' in answer) return { id: answer.id, error: undefined }
  return { id: answer.id, error: failure(answer.error) }
}

/** The error of an answer to a batch of `size` calls, or undefined: every one of them succeeded. */
export function judgeBatch(text, size) {
  // Results of kv.put hold no text of the user, so this cannot be mistaken.
  if (text.includes('"error":')) {
    const answers = parse(text)
    const bad = Array.isArray(answers) ? answers.find(answer => 'error' in answer) : answers
    return failure(bad?.error)
  }
  let results = 0
  for (let at = text.indexOf(success); at >= 0; at = text.indexOf(success, at + 1)) results++
  return results === size ? undefined : new Error(`${results} results for a batch of ${size} calls`)
}

function parse(text) {
  try {
    return JSON.parse(text)
  } catch {
    throw new Error(`not a JSON-RPC answer: ${text.slice(0, 120)}`)
  }
}

function failure(error) {
  const { code, message, data } = error ?? {}
  const sentence = message ?? 'an answer without result or error'
  return Object.assign(new Error(`${data?.name ?? code ?? 'error'}: ${sentence}`), { data })
}
