/**
 * For the peers' harness: `node bench.mjs load --extra=/…/scripts/bench/peers/systems.mjs
 * --systems=etcd,viewstamp`. Nothing is copied into the harness.
 */
import { realpathSync } from 'node:fs'
import { dirname } from 'node:path'
import { driverPath } from './driver-path.mjs'

// The harness's own directory: told, or that of the script which imports this one.
const harness = process.env['VIEWSTAMP_PEERS'] ?? dirname(realpathSync(process.argv[1]))

export default {
  viewstamp: {
    mod: driverPath('viewstamp', harness),
    paths: [driverPath('viewstamp-http', harness), driverPath('viewstamp-ws', harness)],
  },
}
