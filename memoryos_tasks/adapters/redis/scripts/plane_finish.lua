-- A request leaves its endpoint, and the endpoint's breaker hears how it went.
--
-- ARGV 1 plan  2 id  3 request  4 generation  5 outcome  6 time it took (ms)  7 Retry-After (ms)  8 seed
-- Returns the breaker's state, '' when the request had no place there any more
-- #include plane_lib
local now, plan = clock(), cjson.decode(ARGV[1])
local rules, id, request, outcome, took = plan.rules, ARGV[2], ARGV[3], ARGV[5], tonumber(ARGV[6])
math.randomseed(tonumber(ARGV[8]))
local watched = redis.call('ZREM', key('since', id), '.' .. request) == 1
redis.call('ZREM', key('since', id), '~' .. request)
redis.call('ZREM', key('permits', id), request)
if redis.call('ZREM', key('load', id), request) == 0 then return '' end

local all, one = {}, nil
for at, row in ipairs(plan.endpoints) do
  all[at] = read(row.id, now)
  if row.id == id then one = all[at] end
end
if outcome == 'limited' then
  one.cool = math.max(one.cool, now + tonumber(ARGV[7]))
  write(one)
  return one.state
end
if one.gen ~= tonumber(ARGV[4]) or one.state == 'open' or (outcome ~= 'succeeded' and outcome ~= 'failed') then
  return one.state
end

local failed = outcome == 'failed'
local slow = not failed and took > patience(one, all, rules)
if one.state == 'half_open' then
  one.wins = one.wins + 1
  if failed or slow then
    open(one, now, rules)
  elseif one.wins >= rules.successes then
    close(one, now)
  end
else
  one.streak = failed and one.streak + 1 or 0
  -- One that was found slow while it went on is counted already.
  local seen = watched and 1 or 0
  count(one, now, rules, seen, failed and 1 or 0, slow and seen or 0)
  if not failed then
    one.mean = one.paced == 0 and took or one.mean + 0.2 * (took - one.mean)
    one.paced = one.paced + 1
  end
  if bad(one, now, rules) and room(all, one) then open(one, now, rules) end
end
write(one)
return one.state
