-- Count one ask of a question, and keep it among the newest samples.
--
-- KEYS 1 unit of the question
-- ARGV 1 tenant  2 id  3 user (percent-encoded)  4 day  5 now (ms)  6 sealed sample or ''  7 1 for a hit
--      8 asks from which it is looked at soon  9 most questions of the tenant
-- #include lib_faq
local tenant, id, user, day, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local who = user
-- A question that very many ask is counted on without their names.
if redis.call('HLEN', KEYS[1]) >= 4000 then who = '' end
redis.call('HINCRBY', KEYS[1], 'd ' .. day .. ' ' .. who, 1)
local asks = redis.call('HINCRBY', KEYS[1], 'n', 1)
if ARGV[6] ~= '' then
  local place = redis.call('HINCRBY', KEYS[1], 'm', 1) % 16
  redis.call('HSET', KEYS[1], 's ' .. place, user .. ' ' .. ARGV[6])
end
if ARGV[7] == '1' then redis.call('HINCRBY', faq_key(tenant, 'hits'), id, 1) end

local asked = faq_key(tenant, 'asked', user)
redis.call('ZADD', asked, now, id)
if redis.call('ZCARD', asked) > 2000 then
  faq_forget_asker(tenant, redis.call('ZPOPMIN', asked)[1], user, tonumber(day))
end

local member = tenant .. ' ' .. id
if asks >= tonumber(ARGV[8]) then
  redis.call('ZADD', FAQ_DUE, 'LT', now + 1000, member)
else
  redis.call('ZADD', FAQ_DUE, now + 31 * 86400000, member)
end

local seen = faq_key(tenant, 'seen')
redis.call('ZADD', seen, now, id)
if redis.call('ZCARD', seen) > tonumber(ARGV[9]) then
  local oldest = redis.call('ZPOPMIN', seen)[1]
  if redis.call('HEXISTS', faq_key(tenant, 'live'), oldest) == 0 then faq_drop(tenant, oldest) end
end
