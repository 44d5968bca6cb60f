-- Shared by journal_append.lua and job_finish.lua: append the new ones of a list of events to the journal and show
-- them in short-term memory.
--
-- chat_log             STREAM  event_id, tenant, payload, seq, job
-- mos:{tenant}:seq     STRING  the tenant's sequence number
-- mos:_system:pending  STRING  events journaled and not applied, of all owners
-- events key           HASH    event_id -> "digest seq state"; state s: in STM, a: applied, d: dead letter
-- state key            HASH    pending -> events not applied, settled -> how many were ever pending and are not,
--                              shown:{session} -> those of one session
-- stm key              ZSET    payloads by sequence number
-- active, sessions     ZSET    by the time (ms) of the last event

-- Show one event. `owner` holds the keys events, state, active and sessions, and the prefixes stm and member.
local function show(owner, seq, event, now)
  local session = event[4]
  redis.call('ZADD', owner.stm .. session, seq, event[3])
  redis.call('HSET', owner.events, event[1], event[2] .. ' ' .. seq .. ' s')
  redis.call('HINCRBY', owner.state, 'shown:' .. session, 1)
  redis.call('ZADD', owner.active, now, owner.member .. session)
  redis.call('ZADD', owner.sessions, now, session)
end

-- The new events of a list and the ids of the others; nil and the id when one is known with another content.
local function sort(owner, list)
  local fresh, duplicates, within = {}, {}, {}
  for _, event in ipairs(list) do
    local digest = within[event[1]]
    if not digest then
      local row = redis.call('HGET', owner.events, event[1])
      -- A dead letter never came into memory: sent again, its event is new.
      if row and string.sub(row, -1) ~= 'd' then digest = string.match(row, '^(%S+)') end
    end
    if not digest then
      within[event[1]] = event[2]
      fresh[#fresh + 1] = event
    elseif digest == event[2] then
      duplicates[#duplicates + 1] = event[1]
    else
      return nil, event[1]
    end
  end
  return fresh, duplicates
end

-- Append events {event_id, digest, payload, session} that are new; returns their ids.
local function append(owner, journal_key, seq_key, pending_key, tenant, job_id, fresh, now)
  if #fresh == 0 then return {} end
  local ids = {}
  local seq = redis.call('INCRBY', seq_key, #fresh) - #fresh
  for _, event in ipairs(fresh) do
    seq = seq + 1
    redis.call('XADD', journal_key, '*', 'event_id', event[1], 'tenant', tenant, 'payload', event[3],
      'seq', seq, 'job', job_id)
    show(owner, seq, event, now)
    ids[#ids + 1] = event[1]
  end
  redis.call('HINCRBY', owner.state, 'pending', #fresh)
  redis.call('INCRBY', pending_key, #fresh)
  return ids
end
