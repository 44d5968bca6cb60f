-- #include lib_append
-- Put a dead event back into the journal, in its old place of the order if it had one.
--
-- KEYS 1 chat_log  2 chat_log:dlq  3 tenant sequence  4 pending of all  5 events of the owner  6 state of the owner
--      7 active  8 sessions of the owner
-- ARGV 1 letter  2 tenant  3 event_id  4 digest  5 payload  6 session  7 STM prefix  8 active prefix  9 now (ms)
--      10 first seen
-- Returns "replayed", "skipped", "busy", "impossible" or "gone"
if #redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1]) == 0 then return 'gone' end
local row = redis.call('HGET', KEYS[5], ARGV[3])
local digest, seq, state
if row then digest, seq, state = string.match(row, '^(%S+) (%d+) (%a)') end
if state and state ~= 'd' then
  if digest ~= ARGV[4] then return 'impossible' end
  if state ~= 'a' then return 'busy' end
  redis.call('XDEL', KEYS[2], ARGV[1])
  return 'skipped'
end
if digest ~= ARGV[4] then seq = nil end
seq = seq or redis.call('INCR', KEYS[3])
local owner = {events = KEYS[5], state = KEYS[6], active = KEYS[7], sessions = KEYS[8], stm = ARGV[7], member = ARGV[8]}
redis.call('XADD', KEYS[1], '*', 'event_id', ARGV[3], 'tenant', ARGV[2], 'payload', ARGV[5], 'seq', seq, 'job', '',
  'letter', ARGV[1], 'first_seen', ARGV[10])
show(owner, seq, {ARGV[3], ARGV[4], ARGV[5], ARGV[6]}, ARGV[9])
redis.call('HINCRBY', KEYS[6], 'pending', 1)
redis.call('INCR', KEYS[4])
return 'replayed'
