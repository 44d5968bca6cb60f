-- The nodes of the plane that live.
--
-- KEYS 1 notes (HASH by node)  2 expiry (ZSET of nodes by time, ms)  3 scheduler ("token node seat")
--      4 registry (HASH revision, at, document)
-- Returns the time (ms), the registry's revision and the time (ms) of it, scheduler or '', and the notes
-- #include lib_clock
local now = string.format('%d', clock())
local registry = redis.call('HMGET', KEYS[4], 'revision', 'at')
local found = {now, registry[1] or '0', registry[2] or '0', redis.call('GET', KEYS[3]) or ''}
for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. now, '+inf')) do
  local note = redis.call('HGET', KEYS[1], node)
  if note then found[#found + 1] = note end
end
return found
