/** This program's version, the same as in package.json (test/tidy.test.ts compares them). */
export const VERSION = '0.1.0'
