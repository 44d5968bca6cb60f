-- #include lib_clock
-- Keep what belongs to tool calls; of an owner the newest only, within a count, a size and an age.
--
-- KEYS 1 keepsakes (HASH tool-call id -> sealed; '' -> bytes of all)  2 their ages (ZSET id by ms)
-- ARGV 1 most keepsakes  2 most bytes  3 ms to keep  then pairs of id and sealed text
local now, keep = clock(), tonumber(ARGV[3])

local function drop(id)
  redis.call('HINCRBY', KEYS[1], '', 0 - redis.call('HSTRLEN', KEYS[1], id))
  redis.call('HDEL', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
end

for i = 4, #ARGV, 2 do
  drop(ARGV[i])
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  redis.call('HINCRBY', KEYS[1], '', #ARGV[i + 1])
  redis.call('ZADD', KEYS[2], now, ARGV[i])
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - keep)) do drop(id) end
while redis.call('ZCARD', KEYS[2]) > tonumber(ARGV[1]) or tonumber(redis.call('HGET', KEYS[1], '')) > tonumber(ARGV[2]) do
  drop(redis.call('ZRANGE', KEYS[2], 0, 0)[1])
end
redis.call('PEXPIRE', KEYS[1], keep)
redis.call('PEXPIRE', KEYS[2], keep)
