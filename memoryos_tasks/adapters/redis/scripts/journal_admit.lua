-- #include lib_append
-- Show entries that were put into the stream by hand in short-term memory; the others are there already.
--
-- KEYS 1 active  2 pending of all  3 chat_log  4 tries
--      then per event: tenant sequence, events, state and sessions of the owner
-- ARGV 1 now (ms)  2 group  then per event: event_id, digest, payload, session, STM prefix, active prefix, stream id
-- Returns per event {seq, outcome}: outcome "admitted", "known", "conflict", "gone" when another consumer has buried
-- the entry meanwhile (a dead event must not come back without an entry that ends it), or "later" while an older entry without a
-- number is in the hands of another consumer, which may have died: order is that of the stream
local batch = {}
for arg = 9, #ARGV, 7 do batch[ARGV[arg]] = true end

local function is_first(stream_id)
  for _, pending in ipairs(redis.call('XPENDING', KEYS[3], ARGV[2], '-', '(' .. stream_id, 1000)) do
    -- What was tried has its number, and may be tried for long.
    if not batch[pending[1]] and redis.call('HEXISTS', KEYS[4], pending[1]) == 0 then
      local found = redis.call('XRANGE', KEYS[3], pending[1], pending[1])
      local numbered = #found == 0
      for i = 1, found[1] and #found[1][2] or 0, 2 do numbered = numbered or found[1][2][i] == 'seq' end
      if not numbered then return false end
    end
  end
  return true
end

local out = {}
local key, arg = 5, 3
local first
while arg <= #ARGV do
  local event = {ARGV[arg], ARGV[arg + 1], ARGV[arg + 2], ARGV[arg + 3]}
  local owner = {active = KEYS[1], events = KEYS[key + 1], state = KEYS[key + 2], sessions = KEYS[key + 3],
    stm = ARGV[arg + 4], member = ARGV[arg + 5]}
  local row = redis.call('HGET', owner.events, event[1])
  local known, seq, state
  if row then known, seq, state = string.match(row, '^(%S+) (%d+) (%a)') end
  if known and state ~= 'd' and known ~= event[2] then
    out[#out + 1] = {tonumber(seq), 'conflict'}
  elseif known and state ~= 'd' then
    out[#out + 1] = {tonumber(seq), 'known'}
  elseif #redis.call('XPENDING', KEYS[3], ARGV[2], ARGV[arg + 6], ARGV[arg + 6], 1) == 0 then
    out[#out + 1] = {0, 'gone'}
  else
    if first == nil then first = is_first(ARGV[arg + 6]) end
    if not first then
      out[#out + 1] = {0, 'later'}
    else
      seq = redis.call('INCR', KEYS[key])
      redis.call('HINCRBY', owner.state, 'pending', 1)
      redis.call('INCR', KEYS[2])
      show(owner, seq, event, ARGV[1])
      out[#out + 1] = {seq, 'admitted'}
    end
  end
  key = key + 4
  arg = arg + 7
end
return out
