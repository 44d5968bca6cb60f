-- #include lib_settle
-- Move a journal entry that cannot be applied to the dead letters, then acknowledge it.
--
-- KEYS 1 chat_log  2 chat_log:dlq  3 due ingests  4 pending of all  5 tries  6 counters  7 events of the owner
--      8 state of the owner  9 STM of the session  10 job row  11 active
-- ARGV 1 group  2 stream id  3 event_id  4 digest, "" when the event is not this entry's  5 session  6 job id
--      7 due member  8 lifetime of the job (ms)  9 now (ms)  10 error (JSON)  11 reason  12 old letter
--      13 active member  then the letter's fields and values
-- Returns {letter, job complete (0 or 1), its inbox}, or {} when the entry was acknowledged before
if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1) == 0 then
  redis.call('HDEL', KEYS[5], ARGV[2])
  return {}
end
local fields = {}
for i = 14, #ARGV do fields[#fields + 1] = ARGV[i] end
local letter = redis.call('XADD', KEYS[2], '*', unpack(fields))
if ARGV[12] ~= '' then redis.call('XDEL', KEYS[2], ARGV[12]) end
if ARGV[4] ~= '' then
  local row = redis.call('HGET', KEYS[7], ARGV[3])
  local digest, seq, state
  if row then digest, seq, state = string.match(row, '^(%S+) (%d+) (%a)') end
  if digest == ARGV[4] and state == 's' then
    redis.call('ZREMRANGEBYSCORE', KEYS[9], seq, seq)
    if redis.call('EXISTS', KEYS[9]) == 0 then redis.call('ZREM', KEYS[11], ARGV[13]) end
    settle(KEYS[7], KEYS[8], KEYS[4], ARGV[3], ARGV[4], ARGV[5], 'd')
  end
end
local inbox
if ARGV[6] ~= '' then
  inbox = count_off(KEYS[10], KEYS[3], ARGV[7], ARGV[3], ARGV[8], ARGV[9], ARGV[10])
end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('HDEL', KEYS[5], ARGV[2])
redis.call('HINCRBY', KEYS[6], 'dead ' .. ARGV[11], 1)
return {letter, inbox and 1 or 0, inbox or ''}
