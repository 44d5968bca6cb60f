-- Note something of the embedder that is wanted.
-- KEYS[1]  mos:_system:embedder  HASH active, wanted (JSON of name and dimensions), left (count)
-- ARGV[1]  the embedder that the note is of; ARGV[2], ARGV[3]  the field and its value
-- Answers 1, or 0 when another embedder is wanted by now: then nothing is noted.
if redis.call('HGET', KEYS[1], 'wanted') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
return 1
