-- #include lib_settle
-- Note events as applied, acknowledge their entries and close the ingest jobs that are complete.
--
-- KEYS 1 chat_log  2 due ingests  3 pending of all  4 tries  5 chat_log:dlq
--      then per event: events of the owner, state of the owner, job row
-- ARGV 1 group  2 lifetime of the jobs (ms)  3 now (ms)
--      then per event: stream id, event_id, job id, due member, session, letter, digest
-- Returns a list of {job id, inbox, status} of the jobs now complete
local done = {}
local key, arg = 6, 4
while arg <= #ARGV do
  local stream_id, event_id, job_id, letter = ARGV[arg], ARGV[arg + 1], ARGV[arg + 2], ARGV[arg + 5]
  settle(KEYS[key], KEYS[key + 1], KEYS[3], event_id, ARGV[arg + 6], ARGV[arg + 4], 'a')
  if job_id ~= '' then
    local inbox, status = count_off(KEYS[key + 2], KEYS[2], ARGV[arg + 3], event_id, ARGV[2], ARGV[3])
    if inbox then done[#done + 1] = {job_id, inbox, status} end
  end
  if letter ~= '' then redis.call('XDEL', KEYS[5], letter) end
  redis.call('XACK', KEYS[1], ARGV[1], stream_id)
  redis.call('HDEL', KEYS[4], stream_id)
  key = key + 3
  arg = arg + 7
end
return done
