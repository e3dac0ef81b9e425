-- wrk -t1 -c64 -d4s -s put.lua http://127.0.0.1:7401 -- VALUE_BYTES KEYS
-- One kv.put per request. An error of JSON-RPC comes with status 200, so the bodies are looked at.
local requests, threads = {}, {}
bad = 0

function setup(thread) threads[#threads + 1] = thread end

function init(args)
  math.randomseed(os.time())
  local letters = {}
  for i = 1, tonumber(args[1]) do letters[i] = string.char(97 + math.random(0, 25)) end
  local value = table.concat(letters)
  for i = 1, tonumber(args[2]) do
    local body = string.format('{"jsonrpc":"2.0","id":1,"method":"kv.put","params":{"key":"k%015d","value":"%s"}}', i - 1, value)
    requests[i] = wrk.format('POST', '/rpc', { ['Content-Type'] = 'application/json' }, body)
  end
end

function request() return requests[math.random(#requests)] end

function response(status, headers, body)
  if not body:find('"result":', 1, true) then bad = bad + 1 end
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  for _, thread in ipairs(threads) do failed = failed + thread:get('bad') end
  local secs = summary.duration / 1e6
  io.write(string.format('JSON {"ops":%d,"secs":%.3f,"ops_s":%.1f,"p50":%.3f,"p90":%.3f,"p99":%.3f,"max":%.3f,"errs":%d}\n',
    summary.requests, secs, summary.requests / secs, latency:percentile(50) / 1000, latency:percentile(90) / 1000,
    latency:percentile(99) / 1000, latency.max / 1000, failed))
end
