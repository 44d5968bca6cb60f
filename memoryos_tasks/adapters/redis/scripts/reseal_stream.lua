-- Put fresh texts in the place of those that were read, in a stream. Entries cannot be changed, so the stream is written
-- anew in one step, each entry under its own number; groups of it go on where they were, and forget what they had in hand.
--
-- KEYS 1 stream
-- ARGV per text: entry, field, old, new
-- Returns how many were replaced
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local fresh = {}
for i = 1, #ARGV, 4 do
  fresh[ARGV[i]] = fresh[ARGV[i]] or {}
  fresh[ARGV[i]][ARGV[i + 1]] = {ARGV[i + 2], ARGV[i + 3]}
end
local rows, done = redis.call('XRANGE', KEYS[1], '-', '+'), 0
for _, row in ipairs(rows) do
  for i = 1, fresh[row[1]] and #row[2] or 0, 2 do
    local text = fresh[row[1]][row[2][i]]
    if text and row[2][i + 1] == text[1] then
      row[2][i + 1] = text[2]
      done = done + 1
    end
  end
end
if done == 0 then return 0 end
local last, groups = nil, redis.call('XINFO', 'GROUPS', KEYS[1])
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then last = info[i + 1] end
end
local left = redis.call('PTTL', KEYS[1])
redis.call('DEL', KEYS[1])
for _, row in ipairs(rows) do redis.call('XADD', KEYS[1], row[1], unpack(row[2])) end
redis.call('XSETID', KEYS[1], last)
for _, flat in ipairs(groups) do
  local group = {}
  for i = 1, #flat, 2 do group[flat[i]] = flat[i + 1] end
  redis.call('XGROUP', 'CREATE', KEYS[1], group.name, group['last-delivered-id'])
end
if left > 0 then redis.call('PEXPIRE', KEYS[1], left) end
return done
