-- Choose an endpoint for a request and give it a place there, in one step.
--
-- KEYS 1 pin of the session (unused when the pin's lifetime is 0)
-- ARGV 1 plan  2 request  3 lease (ms)  4 lifetime of a pin (ms, 0: no session)  5 seed  6… ids that are out of question
-- Returns {number in the plan, generation, 1 for a trial, 1 in panic}; {} when none can be had
-- #include plane_lib
local now, plan = clock(), cjson.decode(ARGV[1])
local rules, lease, pinned = plan.rules, tonumber(ARGV[3]), tonumber(ARGV[4])
math.randomseed(tonumber(ARGV[5]))
local out, retrying = {}, #ARGV > 5
for at = 6, #ARGV do out[ARGV[at]] = true end

local all = {}
for at, row in ipairs(plan.endpoints) do
  local one = read(row.id, now)
  one.at, one.most, one.busy = at, row.most, swept(one, now)
  one.changed = one.fresh
  all[at] = one
end

-- Calls that go on for too long are counted as slow now, not when they end, and once more each time that they have gone
-- on for as long again: an endpoint that answers nothing is found out by the few calls that it holds.
for _, one in ipairs(all) do
  if one.state ~= 'open' then
    local late = {}
    local since = key('since', one.id)
    local limit = patience(one, all, rules)
    if limit < math.huge then
      for _, member in ipairs(redis.call('ZRANGEBYSCORE', since, '-inf', now - limit)) do
        -- Only those whose worker was heard of lately: a killed one says nothing about the endpoint.
        local request = string.sub(member, 2)
        local till = tonumber(redis.call('ZSCORE', key('load', one.id), request) or 0)
        if till - now >= 0.5 * lease then
          late[#late + 1] = request
          redis.call('ZREM', since, member)
          redis.call('ZADD', since, string.format('%d', now), '~' .. request)
        end
      end
    end
    if #late > 0 then
      one.changed = true
      count(one, now, rules, #late, 0, #late)
      if one.state == 'half_open' then
        open(one, now, rules)
      elseif bad(one, now, rules) and room(all, one) then
        open(one, now, rules)
      end
    end
  elseif now >= one.till and one.down == 0 then
    turn(one, 'half_open')
    one.changed = true
  end
end

local panic = panicking(all)

local function fits(one)
  return not out[one.id] and (one.most == 0 or one.busy < one.most) and one.cool <= now
end

local chosen, trial = nil, 0
-- A half-open endpoint is tried with a request that has failed nowhere yet.
if not retrying then
  local tries = {}
  for _, one in ipairs(all) do
    if one.state == 'half_open' and one.down == 0 and fits(one)
      and redis.call('ZCARD', key('permits', one.id)) < rules.permits then tries[#tries + 1] = one end
  end
  if #tries > 0 then chosen, trial = tries[math.random(#tries)], 1 end
end

if not chosen then
  local least, best, held = math.huge, {}, nil
  local pin = pinned > 0 and redis.call('GET', KEYS[1])
  for _, one in ipairs(all) do
    local ready = one.state == 'closed' and one.down == 0
    if fits(one) and (ready or panic) then
      one.weight = weighed(one, plan.endpoints[one.at].weight, now, rules)
      -- In panic the unready take a tenth: they may be well after all, and must not swallow what they cannot answer.
      if not ready then one.weight = 0.1 * plan.endpoints[one.at].weight end
      local load = (one.busy + 1) / one.weight
      if load < least * (1 - 1e-9) then
        least, best = load, {one}
      elseif load <= least * (1 + 1e-9) then
        best[#best + 1] = one
      end
      if ready and one.id == pin then held = one end
    end
  end
  -- What is there already tells whether the pinned one is overloaded: an idle one never is.
  if held and held.busy / held.weight <= 1.5 * least then
    chosen = held
  elseif #best > 0 then
    chosen = best[math.random(#best)]
  end
  if chosen and pinned > 0 then redis.call('SET', KEYS[1], chosen.id, 'PX', pinned) end
end

for _, one in ipairs(all) do
  if one.changed then write(one) else redis.call('PEXPIRE', key('endpoint', one.id), KEEP) end
end
if not chosen then return {} end

local till = string.format('%d', now + lease)
redis.call('ZADD', key('load', chosen.id), till, ARGV[2])
redis.call('PEXPIRE', key('load', chosen.id), lease)
redis.call('ZADD', key('since', chosen.id), string.format('%d', now), '.' .. ARGV[2])
redis.call('PEXPIRE', key('since', chosen.id), KEEP)
if trial == 1 then
  redis.call('ZADD', key('permits', chosen.id), till, ARGV[2])
  redis.call('PEXPIRE', key('permits', chosen.id), lease)
end
return {chosen.at, chosen.gen, trial, panic and 1 or 0}
