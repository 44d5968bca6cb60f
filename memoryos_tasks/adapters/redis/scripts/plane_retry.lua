-- Let a request try again, if few enough do.
--
-- KEYS 1 retries under way (ZSET of request by the time at which its lease ends)
-- ARGV 1 plan  2 request  3 lease (ms)  4 share of the requests under way that may be retries  5 at least so many
-- Returns 1, or 0 when it has to wait
-- #include plane_lib
local now, plan, active = clock(), cjson.decode(ARGV[1]), 0
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for _, row in ipairs(plan.endpoints) do active = active + redis.call('ZCARD', key('load', row.id)) end
local under_way = redis.call('ZCARD', KEYS[1])
if not redis.call('ZSCORE', KEYS[1], ARGV[2])
  and under_way >= math.max(tonumber(ARGV[5]), math.floor(tonumber(ARGV[4]) * active)) then return 0 end
redis.call('ZADD', KEYS[1], string.format('%d', now + ARGV[3]), ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
