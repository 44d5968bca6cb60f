-- Shared by journal_append.lua and job_finish.lua: append the new ones of a list of events.
--
-- chat_log             STREAM  event_id, tenant, payload, seq, job
-- mos:{tenant}:seq     STRING  the tenant's sequence number
-- events key           HASH    event_id -> "digest seq state", state: j journaled, s in STM, a applied
-- state key            HASH    pending -> events journaled and not applied, shown:{session} -> those of them in STM

local function known_digest(events_key, event_id)
  local row = redis.call('HGET', events_key, event_id)
  if not row then return nil end
  return string.match(row, '^(%S+)')
end

-- Returns new ids, duplicate ids, or nil and the conflicting id. `list` holds {event_id, digest, payload};
-- `written(event, seq)`, if given, is called for each new one.
local function append(journal_key, seq_key, events_key, state_key, tenant, job_id, list, written)
  local fresh, duplicates, within = {}, {}, {}
  for _, event in ipairs(list) do
    local digest = within[event[1]] or known_digest(events_key, event[1])
    if not digest then
      within[event[1]] = event[2]
      fresh[#fresh + 1] = event
    elseif digest == event[2] then
      duplicates[#duplicates + 1] = event[1]
    else
      return nil, event[1]
    end
  end
  local ids = {}
  for _, event in ipairs(fresh) do
    local seq = redis.call('INCR', seq_key)
    redis.call('XADD', journal_key, '*', 'event_id', event[1], 'tenant', tenant, 'payload', event[3],
      'seq', seq, 'job', job_id)
    redis.call('HSET', events_key, event[1], event[2] .. ' ' .. seq .. ' j')
    ids[#ids + 1] = event[1]
    if written then written(event, seq) end
  end
  if #fresh > 0 then redis.call('HINCRBY', state_key, 'pending', #fresh) end
  return ids, duplicates
end
