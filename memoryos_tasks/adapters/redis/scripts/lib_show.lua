-- Shared by journal_admit.lua and job_finish.lua: show a journaled event in short-term memory.
--
-- stm key       ZSET  payloads by sequence number
-- state key     HASH  shown:{session} -> events of the session that are in STM and not applied
-- active, sessions   ZSET  by the time (ms) of the last event
local function show(active_key, events_key, state_key, stm_key, sessions_key, seq, event, member, session, now)
  redis.call('ZADD', stm_key, seq, event[3])
  redis.call('HSET', events_key, event[1], event[2] .. ' ' .. seq .. ' s')
  redis.call('HINCRBY', state_key, 'shown:' .. session, 1)
  redis.call('ZADD', active_key, now, member)
  redis.call('ZADD', sessions_key, now, session)
end
