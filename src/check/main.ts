/** The checker for programs outside of src: scripts bundle this file. */
export { explainFeed, judgeFeed } from './feed-judge.ts'
export { bank, counter, list, register } from './models.ts'
export { isLinearizable, STEPS_MAX } from './search.ts'
