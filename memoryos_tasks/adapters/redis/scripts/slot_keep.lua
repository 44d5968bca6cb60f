-- Renew places that are still held.
--
-- KEYS 1 places
-- ARGV 1 lease (ms)  2… runs
-- Returns how many were renewed
-- #include lib_clock
local until_ms, kept = string.format('%d', clock() + ARGV[1]), 0
for at = 2, #ARGV do
  if redis.call('ZSCORE', KEYS[1], ARGV[at]) then
    redis.call('ZADD', KEYS[1], until_ms, ARGV[at])
    kept = kept + 1
  end
end
if kept > 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return kept
