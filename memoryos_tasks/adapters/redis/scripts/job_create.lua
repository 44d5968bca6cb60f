-- #include lib_clock
-- Write a job's row unless it exists.
--
-- KEYS 1 job row  2 due
-- ARGV 1 due member  2 sweep delay (ms)  3 deadline (ms from now, 0 for none)  4 id  5 user  6 kind  7 request (sealed)
--      8 inbox  9 request id  10 what is kept when the request is not (JSON)  11 who asks (the same when asked again)
--      12 most open jobs of the kind
-- Returns 1, 0 when the row was there, -1 when too many are open
if redis.call('EXISTS', KEYS[1]) == 1 then
  return redis.call('HGET', KEYS[1], 'asker') == ARGV[11] and 1 or 0
end
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[12]) then return -1 end
local now = clock()
redis.call('HSET', KEYS[1], 'id', ARGV[4], 'user', ARGV[5], 'kind', ARGV[6], 'status', 'queued',
  'attempts', 0, 'request', ARGV[7], 'inbox', ARGV[8], 'request_id', ARGV[9], 'kept', ARGV[10],
  'created_at', now, 'deadline', tonumber(ARGV[3]) > 0 and now + tonumber(ARGV[3]) or 0, 'asker', ARGV[11])
redis.call('ZADD', KEYS[2], now + tonumber(ARGV[2]), ARGV[1])
return 1
