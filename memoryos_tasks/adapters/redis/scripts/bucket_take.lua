-- Let one request through each of several bounds, or through none when any has nothing left: who is refused costs
-- the others nothing. A refusal writes nothing.
--
-- KEYS the bounds. A bucket is a HASH, n: its billionths of a request at the time t (µs); a full one needs no key. A
--      rolling bound is a LIST of the times (µs) of what it let through, newest first.
-- ARGV four a bound: bucket or rolling; rate (requests in 1,000 s, which is billionths a µs); burst; debt (requests
--      that were let through unasked)
-- Returns 1 or 0, then three a bound: requests left (rounded down), µs until one more is free, µs until all are
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local ONE = 1000000000

local function bucket(key, rate, burst, debt)
  local held = redis.call('HMGET', key, 'n', 't')
  local full = burst * ONE
  local n = full
  -- Whole numbers below 2^53 all the way: where the product is not, the bucket is full.
  if held[1] then n = math.min(full, held[1] + math.max(0, now - held[2]) * rate) end
  n = math.max(-full, n - debt * ONE)
  return {n = n, open = n >= ONE, full = full, owed = debt > 0}
end

local function rolling(key, rate, burst)
  local span = math.ceil(burst * ONE / rate)
  local newest = redis.call('LINDEX', key, 0)
  -- The clock went back: those times mean nothing now.
  if newest and tonumber(newest) > now then redis.call('DEL', key) end
  local last = redis.call('LINDEX', key, burst - 1)
  local wait = last and math.max(0, last + span - now) or 0
  return {open = wait == 0, span = span, wait = wait}
end

local states, open = {}, 1
for i, key in ipairs(KEYS) do
  local at = (i - 1) * 4
  local rate, burst, debt = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local state = ARGV[at + 1] == 'rolling' and rolling(key, rate, burst) or bucket(key, rate, burst, debt)
  state.key, state.rate, state.burst = key, rate, burst
  if not state.open then open = 0 end
  states[i] = state
end

local answer = {open}
for _, state in ipairs(states) do
  local left, wait, whole
  if state.span then
    left, wait, whole = 0, state.wait, state.span
    if open == 1 then
      redis.call('LPUSH', state.key, string.format('%.0f', now))
      local oldest = redis.call('LINDEX', state.key, -1)
      while tonumber(oldest) <= now - state.span do
        redis.call('RPOP', state.key)
        oldest = redis.call('LINDEX', state.key, -1)
      end
      redis.call('PEXPIRE', state.key, math.ceil(state.span / 1000) + 1000)
    end
    if state.open then left = state.burst - math.min(state.burst, redis.call('LLEN', state.key)) end
    if open == 1 and left == 0 then wait = redis.call('LINDEX', state.key, state.burst - 1) + state.span - now end
  else
    if open == 1 then state.n = state.n - ONE end
    whole = math.ceil((state.full - state.n) / state.rate)
    if open == 1 or state.owed then
      redis.call('HSET', state.key, 'n', string.format('%.0f', state.n), 't', string.format('%.0f', now))
      redis.call('PEXPIRE', state.key, math.ceil(whole / 1000) + 1000)
    end
    left = math.max(0, math.floor(state.n / ONE))
    wait = math.max(0, math.ceil((ONE - state.n) / state.rate))
  end
  answer[#answer + 1] = left
  answer[#answer + 1] = wait
  answer[#answer + 1] = whole
end
return answer
