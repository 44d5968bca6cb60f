-- #include lib_show
-- Put journaled events into short-term memory; an event that is there or beyond stays as it is.
--
-- KEYS 1 active  then per event: tenant sequence, events of the owner, state of the owner,
--      STM of the session, sessions of the owner
-- ARGV 1 now (ms)  then per event: event_id, digest, payload, active member, session
-- Returns per event {seq, outcome}: outcome "admitted", "known" or "conflict"
local out = {}
local key, arg = 2, 2
while arg <= #ARGV do
  local seq_key, events_key, state_key, stm_key = KEYS[key], KEYS[key + 1], KEYS[key + 2], KEYS[key + 3]
  local event_id, digest, payload = ARGV[arg], ARGV[arg + 1], ARGV[arg + 2]
  local row = redis.call('HGET', events_key, event_id)
  local known, seq, state
  if row then known, seq, state = string.match(row, '^(%S+) (%d+) (%a)') end
  if known and known ~= digest then
    out[#out + 1] = {tonumber(seq), 'conflict'}
  elseif known and state ~= 'j' then
    out[#out + 1] = {tonumber(seq), 'known'}
  else
    if not known then
      -- Put into the stream by hand: it passed no append, so it is counted here.
      seq = redis.call('INCR', seq_key)
      redis.call('HINCRBY', state_key, 'pending', 1)
    end
    show(KEYS[1], events_key, state_key, stm_key, KEYS[key + 4], seq, {event_id, digest, payload},
      ARGV[arg + 3], ARGV[arg + 4], ARGV[1])
    out[#out + 1] = {tonumber(seq), 'admitted'}
  end
  key = key + 5
  arg = arg + 5
end
return out
