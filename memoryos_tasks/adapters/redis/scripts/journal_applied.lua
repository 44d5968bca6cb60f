-- Note events as applied, acknowledge their entries and close the ingest jobs that are complete.
--
-- KEYS 1 chat_log  2 due  then per event: events of the owner, state of the owner, job row
-- ARGV 1 group  2 result lifetime (ms)  3 now (ms)  then per event: stream id, event_id, job id, due member,
--      session
-- Returns a list of {job id, inbox} of the jobs now complete
local done = {}
local key, arg = 3, 4
while arg <= #ARGV do
  local events_key, state_key, job_key = KEYS[key], KEYS[key + 1], KEYS[key + 2]
  local stream_id, event_id, job_id, member = ARGV[arg], ARGV[arg + 1], ARGV[arg + 2], ARGV[arg + 3]
  local row = redis.call('HGET', events_key, event_id)
  if row and string.sub(row, -1) == 's' then
    redis.call('HSET', events_key, event_id, string.sub(row, 1, -2) .. 'a')
    redis.call('HINCRBY', state_key, 'pending', -1)
    local shown = 'shown:' .. ARGV[arg + 4]
    if redis.call('HINCRBY', state_key, shown, -1) <= 0 then redis.call('HDEL', state_key, shown) end
  end
  -- Counted apart from the state: a twin that was put into the stream by hand may have been applied first.
  if job_id ~= '' and redis.call('EXISTS', job_key) == 1
      and redis.call('HSETNX', job_key, 'applied:' .. event_id, 1) == 1 then
    if redis.call('HINCRBY', job_key, 'remaining', -1) == 0 then
      redis.call('HSET', job_key, 'status', 'succeeded', 'finished_at', ARGV[3])
      redis.call('PEXPIRE', job_key, ARGV[2])
      redis.call('ZREM', KEYS[2], member)
      done[#done + 1] = {job_id, redis.call('HGET', job_key, 'inbox')}
    else
      redis.call('HSET', job_key, 'status', 'running')
    end
  end
  redis.call('XACK', KEYS[1], ARGV[1], stream_id)
  key = key + 3
  arg = arg + 5
end
return done
