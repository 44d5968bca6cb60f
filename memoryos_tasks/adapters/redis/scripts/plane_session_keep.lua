-- Add an exchange to a session, once for its job.
--
-- KEYS 1 session (LIST of "job sealed exchange", oldest first)
-- ARGV 1 job  2 sealed exchange  3 most exchanges  4 lifetime (ms)
for _, held in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  if string.sub(held, 1, #ARGV[1] + 1) == ARGV[1] .. ' ' then return 0 end
end
redis.call('RPUSH', KEYS[1], ARGV[1] .. ' ' .. ARGV[2])
redis.call('LTRIM', KEYS[1], -tonumber(ARGV[3]), -1)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
