-- Forget what came from one user: some questions a call. Answers how many are left.
--
-- KEYS 1 ids that the user asked  2 ids of the FAQs in the user's words
-- ARGV 1 tenant  2 user (percent-encoded)  3 day  4 now (ms)  5 how many
-- then pairs of an FAQ's id and its line of history
-- #include lib_faq
local tenant, user = ARGV[1], ARGV[2]
for i = 6, #ARGV, 2 do
  if faq_unshelve(tenant, ARGV[i]) then
    redis.call('HDEL', faq_key(tenant, 'stats'), ARGV[i])
    redis.call('ZADD', FAQ_DUE, ARGV[4], tenant .. ' ' .. ARGV[i])
    faq_told(tenant, ARGV[i + 1])
  end
end
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, ARGV[5] - 1)) do
  faq_forget_asker(tenant, id, user, tonumber(ARGV[3]))
  redis.call('ZADD', FAQ_DUE, ARGV[4], tenant .. ' ' .. id)
end
return redis.call('ZCARD', KEYS[1]) + redis.call('SCARD', KEYS[2])
