-- #include lib_append
-- Append events to the journal with their ingest job, all or nothing.
--
-- KEYS 1 chat_log  2 tenant sequence  3 events of the owner  4 state of the owner  5 job row  6 due
-- ARGV 1 tenant  2 job id  3 "tenant job_id kind" for the due set  4 sweep delay (ms)  5 user
--      6 inbox  7 request id  8 job deadline (ms from now)  then triples event_id, digest, payload
-- Returns {"ok", new ids, duplicate ids} or {"conflict", event_id}
local list = {}
for i = 9, #ARGV, 3 do list[#list + 1] = {ARGV[i], ARGV[i + 1], ARGV[i + 2]} end
local ids, duplicates = append(KEYS[1], KEYS[2], KEYS[3], KEYS[4], ARGV[1], ARGV[2], list)
if not ids then return {'conflict', duplicates} end
if #ids > 0 then
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('HSET', KEYS[5], 'id', ARGV[2], 'user', ARGV[5], 'kind', 'ingest', 'status', 'queued',
    'attempts', 0, 'remaining', #ids, 'total', #ids, 'inbox', ARGV[6], 'request_id', ARGV[7],
    'created_at', now, 'deadline', 0)
  redis.call('ZADD', KEYS[6], now + tonumber(ARGV[4]), ARGV[3])
end
return {'ok', ids, duplicates}
