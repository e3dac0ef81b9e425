/**
 * Which branches of the decoders the fuzz targets did not reach, from V8's block coverage of their bundle.
 * A branch: an arm of if, ?:, && || ??, a case, a handler. Missed: blocks that ran no time at all.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript'

/** The decoders; other files of the bundle are what they need. */
const DECODERS =
  /^src\/(base\/bytes|wire\/|vr\/entry|network\/(frames|fields|hello|founding-message|address|address-book)|storage\/(envelope|manifest|superblock|values|record-id)\.|rpc\/(decode|schema|value)|machine\/(operation|member)|machine\/kv\/(command|key|lexer|program|record|read|value)\.|daemon\/(config-source|config-read|units))/

/** Lines to print: a table of files, then each missed block with its text. */
export function branchesMissed(folder, bundle) {
  const text = readFileSync(bundle, 'utf8')
  const places = placesIn(text)
  const missed = missedBlocks(folder, pathToFileURL(bundle).href)
  const files = [...new Set(places.map(({ file }) => file))].filter(file => DECODERS.test(file))
  const branches = branchesIn(text)
  const rows = []
  const details = []
  let [all, none] = [0, 0]
  for (const file of files.sort()) {
    const inFile = offset => places.findLast(place => place.at <= offset)?.file === file
    const total = branches.filter(inFile).length
    const blocks = missed.filter(
      ({ start, end }) => inFile(start) && !EXCLUDED.test(text.slice(start, end).trim()),
    )
    all += total
    none += blocks.length
    rows.push(
      `${file.padEnd(36)} ${String(total - blocks.length).padStart(4)} of ${total} branches`,
    )
    for (const { start, end } of blocks) {
      const excerpt = text.slice(start, Math.min(end, start + 90)).replace(/\s+/g, ' ')
      details.push(`  ${file}: ${excerpt}`)
    }
  }
  const share = ((100 * (all - none)) / all).toFixed(1)
  return [
    ...rows,
    `branches of the decoders reached: ${share} % (${all - none} of ${all})`,
    ...details,
  ]
}

/** esbuild puts a comment with the path before what came from each file. */
function placesIn(text) {
  return [...text.matchAll(/^\/\/ ((?:src|test|node_modules)\/\S+)$/gm)].map(found => ({
    at: found.index,
    file: found[1],
  }))
}

function missedBlocks(folder, url) {
  const blocks = []
  for (const name of readdirSync(folder)) {
    const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8'))
    const script = result.find(each => each.url === url)
    for (const { ranges } of script?.functions ?? []) {
      for (const range of ranges) {
        if (range.count === 0) blocks.push({ start: range.startOffset, end: range.endOffset })
      }
    }
  }
  return blocks
}

/** Offsets of everything that may run or not. */
function branchesIn(text) {
  const offsets = []
  const visit = node => {
    const arms = armsOf(node)
    for (const arm of arms) offsets.push(arm)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile('bundle.mjs', text, ts.ScriptTarget.ESNext, true))
  return offsets
}

/** Bytes are refused before: such an arm is for what the types already exclude. */
const EXCLUDED = /^default:\s*unreachable\(/

const LOGICAL = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
])

function armsOf(node) {
  if (ts.isIfStatement(node)) return [node.pos, (node.elseStatement ?? node).end - 1]
  if (ts.isConditionalExpression(node)) return [node.whenTrue.pos, node.whenFalse.pos]
  if (ts.isBinaryExpression(node) && LOGICAL.has(node.operatorToken.kind)) return [node.right.pos]
  if (ts.isCatchClause(node) || ts.isCaseClause(node)) return [node.pos]
  if (ts.isDefaultClause(node)) return EXCLUDED.test(node.getText()) ? [] : [node.pos]
  return ts.isFunctionLike(node) && node.body ? [node.pos] : []
}
