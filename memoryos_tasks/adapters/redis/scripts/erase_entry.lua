-- #include lib_settle
-- Take one entry out of the journal, whoever has it in hand, as if it had been applied.
--
-- KEYS 1 chat_log  2 due ingests  3 pending of all  4 tries  5 events of the owner  6 state of the owner  7 job row
-- ARGV 1 stream id  2 event_id  3 session  4 job id  5 due member  6 lifetime of the job (ms)  7 now (ms)
-- Returns 1, or 0 when it was gone
local row = redis.call('HGET', KEYS[5], ARGV[2])
local digest = row and string.match(row, '^(%S+) %d+ s$')
if digest then settle(KEYS[5], KEYS[6], KEYS[3], ARGV[2], digest, ARGV[3], 'a') end
if ARGV[4] ~= '' then count_off(KEYS[7], KEYS[2], ARGV[5], ARGV[2], ARGV[6], ARGV[7]) end
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  for i = 1, #group, 2 do
    if group[i] == 'name' then redis.call('XACK', KEYS[1], group[i + 1], ARGV[1]) end
  end
end
redis.call('HDEL', KEYS[4], ARGV[1])
return redis.call('XDEL', KEYS[1], ARGV[1])
