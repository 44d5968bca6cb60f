-- Shared by journal_applied.lua and journal_bury.lua: an event has left the pending ones, applied or dead.

-- Lower the counters of an event that was in short-term memory only, and note its new state. Whoever comes late with
-- another event of this id, which died, changes nothing.
local function settle(events_key, state_key, pending_key, event_id, digest, session, state)
  local row = redis.call('HGET', events_key, event_id)
  if not row or string.match(row, '^(%S+) %d+ s$') ~= digest then return end
  redis.call('HSET', events_key, event_id, string.sub(row, 1, -2) .. state)
  redis.call('HINCRBY', state_key, 'pending', -1)
  redis.call('HINCRBY', state_key, 'settled', 1)
  if redis.call('DECR', pending_key) < 0 then redis.call('SET', pending_key, 0) end
  local shown = 'shown:' .. session
  if redis.call('HINCRBY', state_key, shown, -1) <= 0 then redis.call('HDEL', state_key, shown) end
end

-- Count an event off its ingest job; the job's inbox and status when that completes it, else nil.
local function count_off(job_key, due_key, member, event_id, keep, now, error)
  if redis.call('EXISTS', job_key) == 0 then return nil end
  -- Counted apart from the state: a twin that was put into the stream by hand may have been applied first.
  if redis.call('HSETNX', job_key, 'applied:' .. event_id, 1) == 0 then return nil end
  if error then redis.call('HSET', job_key, 'error', error) end
  if redis.call('HINCRBY', job_key, 'remaining', -1) > 0 then
    redis.call('HSET', job_key, 'status', 'running')
    return nil
  end
  local status = redis.call('HGET', job_key, 'error') and 'dead' or 'succeeded'
  redis.call('HSET', job_key, 'status', status, 'finished_at', now)
  redis.call('PEXPIRE', job_key, keep)
  redis.call('ZREM', due_key, member)
  return redis.call('HGET', job_key, 'inbox') or '', status
end
