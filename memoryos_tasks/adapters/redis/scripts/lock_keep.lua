-- Renew the lock, or release it, if it is still ours.
--
-- KEYS 1 lock
-- ARGV 1 token  2 lease (ms), 0 to release
-- Returns 1, or 0 when another owner holds it or the lease ran out
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then redis.call('DEL', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
