-- Forget a question that is no FAQ.
--
-- KEYS 1 FAQs of the tenant  ARGV 1 tenant  2 id
-- #include lib_faq
if redis.call('HEXISTS', KEYS[1], ARGV[2]) == 0 then faq_drop(ARGV[1], ARGV[2]) end
