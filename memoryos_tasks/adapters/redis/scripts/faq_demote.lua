-- Take an FAQ off the shelf; answers 0 when there was none.
--
-- KEYS 1 FAQs of the tenant  ARGV 1 tenant  2 id  3 line of history  4 1 to keep it off  5 now (ms)
-- #include lib_faq
if not faq_unshelve(ARGV[1], ARGV[2]) then return 0 end
if ARGV[4] == '1' then redis.call('SADD', faq_key(ARGV[1], 'held'), ARGV[2]) end
redis.call('ZADD', FAQ_DUE, ARGV[5], ARGV[1] .. ' ' .. ARGV[2])
faq_told(ARGV[1], ARGV[3])
return 1
