-- #include lib_clock
-- #include lib_letter
-- Close a claimed job as dead, its letter written in the same step.
--
-- KEYS 1 job row  2 due  3 dead letters of its queue  4 counters
-- ARGV 1 due member  2 token  3 tenant  4 queue  5 task  6 lifetime (ms)  7 error (JSON)  8 reason  9 message
--      10 exception  11 traceback
-- Returns 1, -1 when the claim was lost, -3 when the job was cancelled meanwhile
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] then return -1 end
local status = redis.call('HGET', KEYS[1], 'status')
if status == 'dead' then return 1 end
if status ~= 'running' then return -1 end
if redis.call('HGET', KEYS[1], 'cancel') then return -3 end
bury(KEYS[1], KEYS[2], KEYS[3], KEYS[4], ARGV[1], ARGV[3], ARGV[4], ARGV[5], ARGV[6], clock(),
  {error = ARGV[7], reason = ARGV[8], message = ARGV[9], exception = ARGV[10], traceback = ARGV[11]})
return 1
