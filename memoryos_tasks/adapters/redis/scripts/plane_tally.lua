-- Add the tallies of a batch of inferences to those of their minutes and hours and of all time, once.
--
-- KEYS 1 mark of the batch  2 totals  3 pairs  and for each minute: minute  hour
-- ARGV 1 now (s)  2 lifetime of a minute (s)  3 lifetime of an hour (s)  4 most pairs
--      and for each minute a JSON object: pair → {field → number}
-- Returns 1, or 0 when the batch was counted before.
if not redis.call('SET', KEYS[1], 1, 'NX', 'EX', 600) then
  return 0
end
local function add(key, pair, fields)
  local known = redis.call('HGET', key, pair)
  local tally = known and cjson.decode(known) or {}
  for name, number in pairs(fields) do
    tally[name] = (tally[name] or 0) + number
  end
  return tally
end
for place = 4, #KEYS, 2 do
  local minute, hour = KEYS[place], KEYS[place + 1]
  for pair, fields in pairs(cjson.decode(ARGV[5 + (place - 4) / 2])) do
    -- Names come from configuration; a mistake there must not fill the store.
    if not redis.call('ZSCORE', KEYS[3], pair) and redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[4]) then
      pair = '* '
    end
    redis.call('ZADD', KEYS[3], ARGV[1], pair)
    local now = add(minute, pair, fields)
    redis.call('HSET', minute, pair, cjson.encode(now))
    redis.call('HSET', KEYS[2], pair, cjson.encode(add(KEYS[2], pair, fields)))
    local tally = add(hour, pair, fields)
    tally.pk = math.max(tally.pk or 0, now.n)
    tally.pb = math.max(tally.pb or 0, now.ms)
    redis.call('HSET', hour, pair, cjson.encode(tally))
  end
  redis.call('EXPIRE', minute, ARGV[2])
  redis.call('EXPIRE', hour, ARGV[3])
end
return 1
