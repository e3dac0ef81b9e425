import { defineConfig } from 'vitest/config'

/** Tests live in test/, mirror src/, and never sleep: timing is virtual except in test/daemon. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['./src/base/polyfill.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    // CommonJS packages look as they do in Node: `default` is module.exports.
    deps: { interopDefault: false },
  },
})
