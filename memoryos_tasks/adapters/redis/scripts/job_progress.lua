-- Note how far a run has come.
--
-- KEYS 1 job row
-- ARGV 1 token  2 done  3 of how many
-- Returns 1, -1 when the claim was lost, -3 when the job is to be cancelled
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return -1 end
if redis.call('HGET', KEYS[1], 'status') ~= 'running' then return -1 end
redis.call('HSET', KEYS[1], 'total', ARGV[3], 'remaining', math.max(ARGV[3] - ARGV[2], 0))
if redis.call('HGET', KEYS[1], 'cancel') then return -3 end
return 1
