-- #include lib_clock
-- Jobs that nobody claimed in time or whose lease ran out: to be rung again, or dead.
--
-- KEYS 1 due
-- ARGV 1 how many  2 delay until the next sweep of a job (ms), doubled with each ring  3 most attempts  4 lifetime (ms)  5 error (JSON)
-- Returns a list of due members to ring, then a list of those closed as dead.
-- A member is "tenant job_id kind"; its row is mos:{tenant}:job:{job_id}.
local now = clock()
local ring, dead = {}, {}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])) do
  local tenant, id, kind = string.match(member, '^(%S+) (%S+) (%S+)$')
  local row = 'mos:' .. tenant .. ':job:' .. id
  local status = redis.call('HGET', row, 'status')
  if status ~= 'queued' and status ~= 'running' then
    redis.call('ZREM', KEYS[1], member)
  else
    local attempts = tonumber(redis.call('HGET', row, 'attempts') or 0)
    local deadline = tonumber(redis.call('HGET', row, 'deadline') or 0)
    if kind ~= 'ingest' and (attempts >= tonumber(ARGV[3]) or (deadline > 0 and deadline < now)) then
      redis.call('HSET', row, 'status', 'dead', 'error', ARGV[5], 'finished_at', now)
      redis.call('PEXPIRE', row, ARGV[4])
      redis.call('ZREM', KEYS[1], member)
      dead[#dead + 1] = member
    else
      -- A long queue is no lost doorbell: ring less and less often.
      local rung = redis.call('HINCRBY', row, 'rung', 1)
      redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]) * 2 ^ math.min(rung, 5), member)
      ring[#ring + 1] = member
    end
  end
end
return {ring, dead}
