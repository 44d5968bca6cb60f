-- #include lib_clock
-- Give a claimed job back, due again later.
--
-- KEYS 1 job row  2 due
-- ARGV 1 due member  2 token  3 delay (ms)  4 error (JSON), "" to leave it  5 0 when the attempt does not count
-- Returns 1, -1 when the claim was lost, -2 when the job was cancelled meanwhile
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] then return -1 end
if redis.call('HGET', KEYS[1], 'status') ~= 'running' then return -1 end
if redis.call('HGET', KEYS[1], 'cancel') then return -2 end
local at = clock() + tonumber(ARGV[3])
redis.call('HSET', KEYS[1], 'status', 'queued', 'not_before', at)
if ARGV[5] == '0' then redis.call('HINCRBY', KEYS[1], 'attempts', -1) end
if ARGV[4] ~= '' then
  redis.call('HSET', KEYS[1], 'error', ARGV[4])
  if ARGV[5] == '0' then redis.call('HINCRBY', KEYS[1], 'waits', 1) end
end
-- At its deadline at the latest, when the sweeper closes it.
local deadline = tonumber(redis.call('HGET', KEYS[1], 'deadline') or 0)
redis.call('ZADD', KEYS[2], deadline > 0 and math.min(at, deadline + 1) or at, ARGV[1])
return 1
