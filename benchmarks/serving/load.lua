-- wrk -s load.lua URL -- FILE
-- The lines of FILE are POSTed as JSON, one after another, over and over. What came of it is
-- printed as JSON: the requests answered, the seconds it took, the 99th percentile of the latency
-- in milliseconds, and the errors by their kind.

local threads, bodies, at = 0, {}, 0

function setup(thread)
  -- So that two threads do not send the same at the same time.
  thread:set("offset", 97 * threads)
  threads = threads + 1
end

function init(arguments)
  local headers = {["Content-Type"] = "application/json"}
  for body in io.lines(arguments[1]) do
    bodies[#bodies + 1] = wrk.format("POST", nil, headers, body)
  end
  at = offset % #bodies
end

function request()
  at = at % #bodies + 1
  return bodies[at]
end

function done(summary, latency)
  local errors = {}
  for kind, count in pairs(summary.errors) do
    errors[#errors + 1] = string.format('"%s": %d', kind, count)
  end
  print(string.format(
    '{"requests": %d, "seconds": %f, "p99": %f, "errors": {%s}}', summary.requests,
    summary.duration / 1e6, latency:percentile(99) / 1e3, table.concat(errors, ", ")
  ))
end
