-- #include lib_clock
-- Cancel a job: at once when it is queued, else ask its run to stop.
--
-- KEYS 1 job row
-- ARGV 1 due member without its kind: "tenant job_id "  2 error (JSON)  3 lifetime (ms)  4 prefix of the due keys
-- Returns the status after the call, or "" when there is no such job
local status = redis.call('HGET', KEYS[1], 'status')
if not status then return '' end
local kind = redis.call('HGET', KEYS[1], 'kind')
if kind == 'ingest' then return status end
if status == 'queued' then
  redis.call('HSET', KEYS[1], 'status', 'cancelled', 'error', ARGV[2], 'finished_at', clock())
  redis.call('HDEL', KEYS[1], 'request')
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  redis.call('ZREM', ARGV[4] .. kind, ARGV[1] .. kind)
  return 'cancelled'
end
if status == 'running' then redis.call('HSET', KEYS[1], 'cancel', 1) end
return status
