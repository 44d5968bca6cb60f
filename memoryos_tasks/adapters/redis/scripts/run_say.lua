-- A run says something: kept for replay, and told to the gateway process that waits, in one step.
--
-- KEYS 1 run stream  2 cancel flag  3 inbox (the run stream again when nobody waits)
-- ARGV 1 saying  2 data (sealed)  3 job id  4 most entries of the run  5 lifetime (s)  6 most entries of the inbox
--      7 '1' when something was said before: without it the store has lost what nobody may have read, and this is not said
-- Returns {stream id or '', 1 when cancelled}
if ARGV[7] == '1' and redis.call('EXISTS', KEYS[1]) == 0 then
  return {'', 0}
end
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[4], '*', 'say', ARGV[1], 'data', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[5])
if KEYS[3] ~= KEYS[1] then
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[6], '*', 'job', ARGV[3], 'id', id, 'say', ARGV[1], 'data', ARGV[2])
  redis.call('EXPIRE', KEYS[3], 3600)
end
return {id, redis.call('EXISTS', KEYS[2])}
