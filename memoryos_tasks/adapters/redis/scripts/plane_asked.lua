-- Count requests by who made them.
--
-- KEYS hashes of minutes
-- ARGV 1 most subjects of a hash  2 lifetime (s)  and for each hash a JSON object: subject → number
for place, key in ipairs(KEYS) do
  local room = tonumber(ARGV[1]) - redis.call('HLEN', key)
  for subject, number in pairs(cjson.decode(ARGV[place + 2])) do
    local known = redis.call('HEXISTS', key, subject) == 1
    if known or room > 0 then
      redis.call('HINCRBY', key, subject, number)
      room = room - (known and 0 or 1)
    end
  end
  redis.call('EXPIRE', key, ARGV[2])
end
