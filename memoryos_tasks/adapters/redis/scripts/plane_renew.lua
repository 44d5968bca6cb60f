-- Renew what requests of one worker hold: places, permits, retries.
--
-- KEYS the sets  ARGV 1 lease (ms)  2… requests
-- Returns how many were renewed
-- #include lib_clock
local till, kept = string.format('%d', clock() + ARGV[1]), 0
for _, set in ipairs(KEYS) do
  local some = false
  for at = 2, #ARGV do
    if redis.call('ZSCORE', set, ARGV[at]) then
      redis.call('ZADD', set, till, ARGV[at])
      kept, some = kept + 1, true
    end
  end
  if some then redis.call('PEXPIRE', set, ARGV[1]) end
end
return kept
