-- Many runs say what they have to say, in one step; for each the same as run_say.
--
-- KEYS for each run: 1 run stream  2 cancel flag  3 inbox (the run stream again when nobody waits)
-- ARGV 1 most entries of a run  2 most entries of an inbox
--      for each run: job id, lifetime (s), '1' when something was said before, number of messages, and for each
--      message: saying, data (sealed)
-- Returns for each run 1 when it was cancelled, -1 when what was said before is gone (and nothing was said), else 0
local place, cancelled = 3, {}
for run = 1, #KEYS, 3 do
  local stream, inbox = KEYS[run], KEYS[run + 2]
  local job, keep, begun, count = ARGV[place], ARGV[place + 1], ARGV[place + 2], tonumber(ARGV[place + 3])
  local lost = begun == '1' and redis.call('EXISTS', stream) == 0
  place = place + 4
  for _ = 1, lost and 0 or count do
    local say, data = ARGV[place], ARGV[place + 1]
    place = place + 2
    local id = redis.call('XADD', stream, 'MAXLEN', '~', ARGV[1], '*', 'say', say, 'data', data)
    if inbox ~= stream then
      redis.call('XADD', inbox, 'MAXLEN', '~', ARGV[2], '*', 'job', job, 'id', id, 'say', say, 'data', data)
    end
  end
  if lost then
    place = place + 2 * count
    cancelled[#cancelled + 1] = -1
  else
    redis.call('EXPIRE', stream, keep)
    if inbox ~= stream then
      redis.call('EXPIRE', inbox, 3600)
    end
    cancelled[#cancelled + 1] = redis.call('EXISTS', KEYS[run + 1])
  end
end
return cancelled
