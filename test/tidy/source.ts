/** TypeScript as a tree: words without comments and strings, imports, functions and their length. */
import ts from 'typescript'
import type { File } from './files.ts'

const trees = new Map<string, ts.SourceFile>()

function treeOf(file: File): ts.SourceFile {
  const known = trees.get(file.path)
  if (known?.text === file.text) return known
  const tree = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ESNext, true)
  trees.set(file.path, tree)
  return tree
}

function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node
  const children: ts.Node[] = []
  ts.forEachChild(node, child => {
    children.push(child)
  })
  for (const child of children) yield* nodesOf(child)
}

function lineOf(node: ts.Node): number {
  const tree = node.getSourceFile()
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1
}

/** Identifiers and the keywords async and await; `Math.random` is one word. */
export function wordsOf(file: File): readonly { readonly word: string; readonly line: number }[] {
  const words: { word: string; line: number }[] = []
  for (const node of nodesOf(treeOf(file))) {
    if (ts.isIdentifier(node)) words.push({ word: node.text, line: lineOf(node) })
    else if (node.kind === ts.SyntaxKind.AsyncKeyword) {
      words.push({ word: 'async', line: lineOf(node) })
    } else if (ts.isAwaitExpression(node)) words.push({ word: 'await', line: lineOf(node) })
    if (ts.isPropertyAccessExpression(node) && node.getText() === 'Math.random') {
      words.push({ word: 'Math.random', line: lineOf(node) })
    }
  }
  return words
}

/** What the file imports, types included. */
export function importsOf(file: File): readonly string[] {
  const targets: string[] = []
  for (const node of nodesOf(treeOf(file))) {
    const target =
      ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
        ? node.moduleSpecifier
        : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
          ? node.arguments[0]
          : undefined
    if (target !== undefined && ts.isStringLiteral(target)) targets.push(target.text)
  }
  return targets
}

/** Every function with a body: its name, and how many lines it takes. */
export function functionsOf(
  file: File,
): readonly { readonly name: string; readonly lines: number }[] {
  const tree = treeOf(file)
  const found: { name: string; lines: number }[] = []
  for (const node of nodesOf(tree)) {
    if (!ts.isFunctionLike(node) || !('body' in node) || node.body === undefined) continue
    const first = tree.getLineAndCharacterOfPosition(node.getStart(tree)).line
    const last = tree.getLineAndCharacterOfPosition(node.getEnd()).line
    found.push({ name: nameOf(node), lines: last - first + 1 })
  }
  return found
}

function nameOf(node: ts.SignatureDeclaration): string {
  if (node.name !== undefined) return node.name.getText()
  const parent = node.parent
  return ts.isVariableDeclaration(parent) ? parent.name.getText() : `line ${lineOf(node)}`
}

/** Members of an effect that would be functions: effects are data. */
export function functionTypesOf(file: File): readonly number[] {
  return [...nodesOf(treeOf(file))]
    .filter(node => ts.isFunctionTypeNode(node) || ts.isMethodSignature(node))
    .map(lineOf)
}
