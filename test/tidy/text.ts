/** Rules about text: leftovers, addresses, documents. */
import { posix } from 'node:path'
import type { File } from './files.ts'

/** Hosts that text may name: examples, standards, and where the project's roots are public. */
const HOSTS =
  /^(host|localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]|.*\.?example(\.(com|org|net))?|(www\.)?jsonrpc\.org|json-schema\.org|meta\.json-schema\.tools|(spec\.)?open-rpc\.org|meta\.open-rpc\.org|(www\.)?w3\.org|github\.com|(www\.)?rfc-editor\.org|datatracker\.ietf\.org|(docs\.)?libp2p\.io|(www\.)?apache\.org|pmg\.csail\.mit\.edu|dspace\.mit\.edu|prometheus\.io|yaml\.org|semver\.org|keepachangelog\.com|nodejs\.org|biomejs\.dev|vitest\.dev)$/

/** Leftovers of work, wherever they are. */
export function leftoverFindings(file: File): readonly string[] {
  const rules: readonly (readonly [RegExp, string, RegExp])[] = [
    [/\b(test|it|describe)\.only\(/, '.only leaves the other tests out', /^test\//],
    [/\b(test|it|describe)\.skip\(/, '.skip leaves a test out', /^test\//],
    [/\bFIXME\b|\bXXX\b/, 'unfinished work is an issue, not a comment', /^(src|scripts|bin)\//],
    [/\bTODO\b(?!\(#\d+\))/, 'a TODO names an issue: TODO(#12)', /^(src|scripts|bin)\//],
    [/\bconsole\.\w+\(/, 'messages go through the log or the terminal', /^src\//],
    [/\bdebugger\b;?$/, 'debugger', /^(src|test)\//],
    [
      /@ts-(ignore|nocheck)|eslint-disable/,
      'the checker is right until shown wrong',
      /^(src|test)\//,
    ],
  ]
  return eachLine(file, (text, line) =>
    rules
      .filter(([pattern, , where]) => where.test(file.path) && pattern.test(text))
      .map(([, why]) => `${file.path}:${line}: ${why}`),
  ).filter(finding => !finding.startsWith('test/tidy'))
}

/** Paths of one machine, and hosts that only some can reach. */
export function placeFindings(file: File): readonly string[] {
  if (file.path.startsWith('test/tidy')) return []
  return eachLine(file, (text, line) => {
    const path = /(?<![\w.~-])\/(home|work|root|Users)\/[\w.-]+/.exec(text)?.[0]
    const hosts = [...text.matchAll(/\bhttps?:\/\/(\[[^\]]+\]|[A-Za-z0-9.-]+)/g)].map(
      ([, host = '']) => host,
    )
    const strange = file.path.startsWith('docs/') ? [] : hosts.filter(host => !HOSTS.test(host))
    return [
      ...(path === undefined ? [] : [`${file.path}:${line}: ${path} is a path of one machine`]),
      ...strange.map(host => `${file.path}:${line}: ${host} is no host of ours or of a standard`),
    ]
  })
}

/** One title each; every link, file name in a link and decision exists. */
export function documentFindings(file: File, paths: ReadonlySet<string>): readonly string[] {
  if (!file.path.endsWith('.md')) return []
  const prose = file.text.replace(/^```[\s\S]*?^```/gm, block => block.replace(/[^\n]/g, ''))
  const titles = prose.match(/^# /gm)?.length ?? 0
  const found = titles === 1 ? [] : [`${file.path}: ${titles} titles (# …), not one`]
  const bare = { path: file.path, text: prose }
  const links = eachLine(bare, (text, line) =>
    [...text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)/g)]
      .map(([, target = '']) => posix.normalize(posix.join(posix.dirname(file.path), target)))
      .filter(target => !exists(target, paths))
      .map(target => `${file.path}:${line}: the link to ${target} leads nowhere`),
  )
  return [...found, ...links, ...decisionFindings(bare, paths)]
}

/** «decision 0003» and decisions/0003-… are files. */
export function decisionFindings(file: File, paths: ReadonlySet<string>): readonly string[] {
  return eachLine(file, (text, line) =>
    [...text.matchAll(/\bdecisions?[ /](\d{4})\b/g)]
      .map(([, number = '']) => number)
      .filter(number => ![...paths].some(path => path.startsWith(`docs/decisions/${number}-`)))
      .map(number => `${file.path}:${line}: there is no decision ${number} in docs/decisions`),
  )
}

function exists(target: string, paths: ReadonlySet<string>): boolean {
  const folder = target.endsWith('/') ? target : `${target}/`
  return paths.has(target) || [...paths].some(path => path.startsWith(folder))
}

function eachLine(
  file: File,
  look: (text: string, line: number) => readonly string[],
): readonly string[] {
  return file.text.split('\n').flatMap((text, i) => look(text, i + 1))
}
