-- #include lib_clock
-- Queue a dead job again with its attempts at zero; its letter stays until it has succeeded.
--
-- KEYS 1 dead letters of the queue  2 job row  3 due
-- ARGV 1 letter  2 due member  3 deadline (ms from now, 0 for none)
-- Returns "replayed", "skipped", "busy", "impossible" or "gone"
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if #found == 0 then return 'gone' end
local letter = {}
for i = 1, #found[1][2], 2 do letter[found[1][2][i]] = found[1][2][i + 1] end
local status = redis.call('HGET', KEYS[2], 'status')
if status == 'succeeded' then
  redis.call('XDEL', KEYS[1], ARGV[1])
  return 'skipped'
end
if status == 'queued' or status == 'running' then return 'busy' end
local now = clock()
local wait = tonumber(ARGV[3])
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'id', letter.subject, 'user', letter.user, 'kind', letter.kind, 'status', 'queued',
  'attempts', 0, 'request', letter.body, 'inbox', '', 'request_id', letter.request_id, 'kept', letter.kept,
  'created_at', now, 'deadline', wait > 0 and now + wait or 0, 'letter', ARGV[1], 'first_seen', letter.first_seen)
redis.call('ZADD', KEYS[3], now, ARGV[2])
return 'replayed'
