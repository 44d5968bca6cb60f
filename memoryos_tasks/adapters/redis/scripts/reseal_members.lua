-- Put fresh members in the place of those that were read, in a sorted set; what left meanwhile does not come back.
--
-- KEYS 1 sorted set
-- ARGV per member: old, new
-- Returns how many were replaced
local done = 0
for i = 1, #ARGV, 2 do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
  if score then
    redis.call('ZADD', KEYS[1], score, ARGV[i + 1])
    redis.call('ZREM', KEYS[1], ARGV[i])
    done = done + 1
  end
end
return done
