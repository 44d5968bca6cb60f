-- Put fresh texts in the place of those that were read, in a hash; what changed meanwhile stays as it is.
--
-- KEYS 1 hash
-- ARGV per text: field, old, new
-- Returns how many were replaced
local done = 0
for i = 1, #ARGV, 3 do
  if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2])
    done = done + 1
  end
end
return done
