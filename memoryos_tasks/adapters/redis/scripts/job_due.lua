-- #include lib_clock
-- #include lib_letter
-- Jobs of one kind that nobody claimed in time or whose lease ran out: to be rung again, or dead.
--
-- KEYS 1 due  2 dead letters of the kind's queue  3 counters
-- ARGV 1 how many  2 delay until the next sweep of a job (ms), doubled with each ring  3 most attempts, 0 for no end
--      4 lifetime (ms)  5 queue  6 task  7 error when the deadline passed (JSON)  8 its message
--      9 error when the runs were lost (JSON)  10 its message
-- Returns a list of due members to ring, then a list of those closed as dead.
-- A member is "tenant job_id kind"; its row is mos:{tenant}:job:{job_id}.
local now = clock()
local ring, dead = {}, {}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])) do
  local tenant, id = string.match(member, '^(%S+) (%S+) (%S+)$')
  local row = 'mos:' .. tenant .. ':job:' .. id
  local status = redis.call('HGET', row, 'status')
  if status ~= 'queued' and status ~= 'running' then
    redis.call('ZREM', KEYS[1], member)
  else
    local attempts = tonumber(redis.call('HGET', row, 'attempts') or 0)
    local deadline = tonumber(redis.call('HGET', row, 'deadline') or 0)
    local late = deadline > 0 and deadline < now
    local lost = tonumber(ARGV[3]) > 0 and status == 'running' and attempts >= tonumber(ARGV[3])
    if late or lost then
      bury(row, KEYS[1], KEYS[2], KEYS[3], member, tenant, ARGV[5], ARGV[6], ARGV[4], now, {
        error = late and ARGV[7] or ARGV[9], message = late and ARGV[8] or ARGV[10],
        reason = late and 'deadline_exceeded' or 'worker_lost', exception = '', traceback = ''})
      dead[#dead + 1] = member
    else
      -- A long queue is no lost doorbell: ring less and less often.
      local rung = redis.call('HINCRBY', row, 'rung', 1)
      if status == 'running' and rung == 1 then redis.call('HINCRBY', KEYS[3], 'redelivered job', 1) end
      redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]) * 2 ^ math.min(rung, 5), member)
      ring[#ring + 1] = member
    end
  end
end
-- An ingest job is not rung for: the journal is looked at anyway.
if #ring > 0 and ARGV[3] ~= '0' then redis.call('HINCRBY', KEYS[3], 'sweeper rung', #ring) end
return {ring, dead}
