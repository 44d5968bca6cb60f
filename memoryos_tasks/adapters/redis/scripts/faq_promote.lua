-- Put an FAQ on the shelf. Answers 0 when the sample that it is made of has gone or changed: its user may be erased.
--
-- KEYS 1 unit of the question
-- ARGV 1 tenant  2 id  3 field of the sample or '' for one written by hand  4 the sample as it was read
--      5 the FAQ as it is kept: user (percent-encoded, or nothing), h (by hand) or b (by beat), sealed text
--      6 now (ms)  7 line of history  8 user
-- #include lib_faq
local tenant, id = ARGV[1], ARGV[2]
if ARGV[3] ~= '' and redis.call('HGET', KEYS[1], ARGV[3]) ~= ARGV[4] then return 0 end
faq_unshelve(tenant, id)
redis.call('HSET', faq_key(tenant, 'live'), id, ARGV[5])
redis.call('ZADD', faq_key(tenant, 'shelf'), ARGV[6], id)
redis.call('ZREM', faq_key(tenant, 'candidates'), id)
redis.call('SREM', faq_key(tenant, 'held'), id)
redis.call('ZADD', FAQ_DUE, ARGV[6] + 3600000, tenant .. ' ' .. id)
if ARGV[8] ~= '' then redis.call('SADD', faq_key(tenant, 'from', ARGV[8]), id) end
faq_told(tenant, ARGV[7])
return 1
