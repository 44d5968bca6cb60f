-- #include lib_clock
-- Want a job of our own done soon: one row for its subject, however often it is wanted. The sweeper rings for it.
--
-- KEYS 1 job row  2 due
-- ARGV 1 due member  2 until it is rung for (ms)  3 id  4 user  5 kind  6 request (sealed)  7 rest of a dead one (ms)
-- Returns 1 when a row was made
local status = redis.call('HGET', KEYS[1], 'status')
if status == 'queued' then return 0 end
if status == 'running' then
  -- What the run has looked at already may have changed: once more after it.
  redis.call('HSET', KEYS[1], 'again', 1)
  return 0
end
local now = clock()
local letter, first_seen
if status == 'dead' then
  if tonumber(redis.call('HGET', KEYS[1], 'finished_at') or 0) + tonumber(ARGV[7]) > now then return 0 end
  letter = redis.call('HGET', KEYS[1], 'letter')
  first_seen = redis.call('HGET', KEYS[1], 'first_seen') or redis.call('HGET', KEYS[1], 'created_at')
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'id', ARGV[3], 'user', ARGV[4], 'kind', ARGV[5], 'status', 'queued', 'attempts', 0,
  'request', ARGV[6], 'inbox', '', 'created_at', now, 'deadline', 0)
if letter then redis.call('HSET', KEYS[1], 'letter', letter, 'first_seen', first_seen) end
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[2]), ARGV[1])
return 1
