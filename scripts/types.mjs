/**
 * Declarations of what the package exports, and of what they mention: dist/types. The compiler writes one
 * for every source; those that no export leads to are left out, so that nobody's compiler reads the types of
 * packages that only the inside uses.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

export async function writeTypes(root, entries, out) {
  const all = `${out}.all`
  try {
    await compile(root, entries, all)
    const wanted = entries.map(file => file.replace(/^src\//, '').replace(/\.ts$/, ''))
    const written = new Set()
    for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
      if (written.has(name)) continue
      written.add(name)
      const text = readFileSync(join(all, `${name}.d.ts`), 'utf8')
      for (const [, target] of text.matchAll(FROM))
        wanted.push(normalize(join(dirname(name), target)))
      const file = join(out, `${name}.d.ts`)
      mkdirSync(dirname(file), { recursive: true })
      // As it is called once it is built; so every compiler finds the declarations beside it.
      writeFileSync(
        file,
        text.replaceAll(FROM, (found, target) => found.replace(`${target}.ts`, `${target}.js`)),
      )
    }
  } finally {
    rmSync(all, { recursive: true, force: true })
  }
}

/** `from './name.ts'`, `import './name.ts'`, `import('./name.ts')`. */
const FROM = /(?:from|import)\s*\(?\s*['"](\.[^'"]+)\.ts['"]/g

function compile(root, entries, out) {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const options = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--noCheck']
  const project = join(root, `tsconfig.types.${process.pid}.json`)
  writeFileSync(
    project,
    JSON.stringify({ extends: './tsconfig.json', include: [], files: entries }),
  )
  const args = ['-p', project, ...options, '--rootDir', join(root, 'src'), '--outDir', out]
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [tsc, ...args], { cwd: root, stdio: 'inherit' })
    child.once('error', reject)
    child.once('exit', code => {
      rmSync(project, { force: true })
      if (code === 0) resolve()
      else reject(new Error('the compiler wrote no declarations'))
    })
  })
}
