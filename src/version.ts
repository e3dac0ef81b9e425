/** Of the program; package.json says the same (test/tidy.test.ts compares). */
export const VERSION = '0.1.0'
