-- Forget what is known of events up to a sequence number; an owner without events has no counters.
--
-- KEYS 1 events of the owner  2 state of the owner  3 pending of all
-- ARGV 1 sequence number  then event ids
-- Returns how many were forgotten
local gone = 0
for i = 2, #ARGV do
  local row = redis.call('HGET', KEYS[1], ARGV[i])
  local seq = row and tonumber(string.match(row, '^%S+ (%d+) '))
  if seq and seq <= tonumber(ARGV[1]) then gone = gone + redis.call('HDEL', KEYS[1], ARGV[i]) end
end
if redis.call('EXISTS', KEYS[1]) == 0 then
  local pending = tonumber(redis.call('HGET', KEYS[2], 'pending') or 0)
  if pending > 0 and redis.call('DECRBY', KEYS[3], pending) < 0 then redis.call('SET', KEYS[3], 0) end
  redis.call('DEL', KEYS[2])
end
return gone
