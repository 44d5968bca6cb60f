-- Put a document in the place of the one of a known revision, and tell those who follow.
--
-- KEYS 1 registry (HASH revision, at, document)  2 scheduler
-- ARGV 1 revision it must have  2 document  3 token of the term that must not be over, or ''  4 channel
-- Returns the new revision, 0 when it has another revision, -1 when the term is over
-- #include lib_clock
if ARGV[3] ~= '' then
  local held = redis.call('GET', KEYS[2])
  if not held or string.match(held, '^%d+') ~= ARGV[3] then return -1 end
end
local revision = tonumber(redis.call('HGET', KEYS[1], 'revision') or '0')
if revision ~= tonumber(ARGV[1]) then return 0 end
revision = revision + 1
redis.call('HSET', KEYS[1], 'revision', string.format('%d', revision),
  'at', string.format('%d', clock()), 'document', ARGV[2])
redis.call('PUBLISH', ARGV[4], string.format('%d', revision))
return revision
