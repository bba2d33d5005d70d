-- wrk's script of scripts/bench: sends the visitors' cookies in turn, and reads the answers' own work from Server-Timing.
-- SPDX-License-Identifier: Apache-2.0

local workers = {}
local cookies, turn = {}, 0
own = {}
wrong = 0

function setup(thread)
  table.insert(workers, thread)
end

function init(args)
  if args[1] then
    for cookie in io.lines(args[1]) do
      table.insert(cookies, wrk.format("GET", nil, {["Cookie"] = cookie}))
    end
  end
end

function request()
  if #cookies == 0 then
    return wrk.format("GET")
  end
  turn = turn % #cookies + 1
  return cookies[turn]
end

-- The total less what Stripe took.
function response(status, headers)
  if status ~= 200 then
    wrong = wrong + 1
    return
  end
  local timing = headers["Server-Timing"]
  if timing then
    local total = tonumber(timing:match("total;dur=([%d.]+)"))
    local stripe = tonumber(timing:match("stripe;dur=([%d.]+)") or "0")
    table.insert(own, total - stripe)
  end
end

function done(summary)
  local all, errors = {}, 0
  for _, thread in ipairs(workers) do
    for _, value in ipairs(thread:get("own")) do
      table.insert(all, value)
    end
    errors = errors + thread:get("wrong")
  end
  errors = errors + summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("bench-requests_per_second=%d\n", summary.requests / summary.duration * 1e6))
  io.write(string.format("bench-errors=%d\n", errors))
  if #all > 0 then
    table.sort(all)
    io.write(string.format("bench-own_median=%.3f\n", all[math.ceil(#all / 2)]))
    io.write(string.format("bench-own_p95=%.3f\n", all[math.ceil(#all * 0.95)]))
  end
end
