-- #include lib_clock
-- Claim a job for one run.
--
-- KEYS 1 job row  2 tenant's claim counter
-- ARGV 1 due member without its kind: "tenant job_id "  2 lease (ms)  3 prefix of the due keys
-- Returns the row as a flat list, its token in it; empty when final, held, not yet due or unknown
local status = redis.call('HGET', KEYS[1], 'status')
if not status then return {} end
local now = clock()
if status == 'running' then
  if tonumber(redis.call('HGET', KEYS[1], 'lease_until') or 0) > now then return {} end
elseif status ~= 'queued' then
  return {}
elseif tonumber(redis.call('HGET', KEYS[1], 'not_before') or 0) > now then
  return {}
end
local token = redis.call('INCR', KEYS[2])
local kind = redis.call('HGET', KEYS[1], 'kind')
redis.call('HSET', KEYS[1], 'status', 'running', 'token', token, 'lease_until', now + tonumber(ARGV[2]), 'rung', 0)
redis.call('HINCRBY', KEYS[1], 'attempts', 1)
redis.call('ZADD', ARGV[3] .. kind, now + tonumber(ARGV[2]), ARGV[1] .. kind)
return redis.call('HGETALL', KEYS[1])
