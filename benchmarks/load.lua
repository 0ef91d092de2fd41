-- Requests for wrk. BENCH_REQUESTS names a file: path, then pairs of lines (authorization or "-", body).
local requests, turn = {}, 0

function init(args)
  local file = io.open(os.getenv("BENCH_REQUESTS"), "r")
  local path = file:read("*l")
  for authorization in file:lines() do
    local headers = { ["Content-Type"] = "application/json", ["Accept"] = "application/json" }
    if authorization ~= "-" then headers["Authorization"] = authorization end
    requests[#requests + 1] = wrk.format("POST", path, headers, file:read("*l"))
  end
  file:close()
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests": %d, "microseconds": %d, "bytes": %d, "p50": %d, "p99": %d, "failed": %d}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
