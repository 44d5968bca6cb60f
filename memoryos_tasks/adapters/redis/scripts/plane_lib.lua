-- What the plane's scripts share. Times in ms on Redis' clock.
--
-- An endpoint has, after mos:_plane: (see keyspace.plane)
--   endpoint:{id} HASH   state, gen, streak, trips, till, wins, ramp, cool, back, down, missed, probe, mean, paced, window
--   load:{id}     ZSET   requests there by the time at which their lease ends
--   since:{id}    ZSET   "." and those of them that are not slow yet, by their beginning; "~" and those that are, by the
--                        time at which they were last counted as slow
--   permits:{id}  ZSET   those that try a half-open endpoint, by the time at which their permit ends
-- A plan is JSON: {rules = {…}, endpoints = [{id, weight, most, timeout}, …]}, all endpoints of one model.
-- #include lib_clock
local KEEP = 3600000
local SLOTS = 10
local NUMBERS = {'gen', 'streak', 'trips', 'till', 'wins', 'ramp', 'cool', 'back', 'down', 'missed', 'probe', 'mean', 'paced'}

local function key(kind, id) return 'mos:_plane:' .. kind .. ':' .. id end

local function read(id, now)
  local raw, row = redis.call('HGETALL', key('endpoint', id)), {}
  for at = 1, #raw, 2 do row[raw[at]] = raw[at + 1] end
  local one = {id = id, state = row.state or 'closed', window = row.window or '', fresh = #raw == 0}
  for _, name in ipairs(NUMBERS) do one[name] = tonumber(row[name] or 0) end
  if one.fresh then one.ramp = now end
  return one
end

local function write(one)
  local row = {'state', one.state, 'window', one.window}
  for _, name in ipairs(NUMBERS) do
    row[#row + 1] = name
    row[#row + 1] = string.format('%.17g', one[name])
  end
  redis.call('HSET', key('endpoint', one.id), unpack(row))
  redis.call('PEXPIRE', key('endpoint', one.id), KEEP)
end

-- Places and permits whose holders were not heard of are free.
local function swept(one, now)
  local load = key('load', one.id)
  local gone = redis.call('ZRANGEBYSCORE', load, '-inf', now)
  for _, request in ipairs(gone) do
    redis.call('ZREM', load, request)
    redis.call('ZREM', key('since', one.id), '.' .. request, '~' .. request)
  end
  redis.call('ZREMRANGEBYSCORE', key('permits', one.id), '-inf', now)
  return redis.call('ZCARD', load)
end

-- The window: "slot calls failed slow" of each tenth of it that had any.
local function counted(one, now, rules)
  local width = rules.window / SLOTS
  local slot, kept, sums = math.floor(now / width), {}, {0, 0, 0}
  for at, calls, failed, slow in string.gmatch(one.window, '(%d+) (%d+) (%d+) (%d+)') do
    if tonumber(at) > slot - SLOTS then
      kept[#kept + 1] = {tonumber(at), tonumber(calls), tonumber(failed), tonumber(slow)}
      sums[1], sums[2], sums[3] = sums[1] + calls, sums[2] + failed, sums[3] + slow
    end
  end
  return sums, kept, slot
end

local function count(one, now, rules, calls, failed, slow)
  local _, kept, slot = counted(one, now, rules)
  local last = kept[#kept]
  if not last or last[1] ~= slot then
    last = {slot, 0, 0, 0}
    kept[#kept + 1] = last
  end
  last[2], last[3], last[4] = last[2] + calls, last[3] + failed, last[4] + slow
  local texts = {}
  for at, row in ipairs(kept) do texts[at] = string.format('%d %d %d %d', row[1], row[2], row[3], row[4]) end
  one.window = table.concat(texts, ';')
end

-- Whether what was counted is reason to open.
local function bad(one, now, rules)
  if one.streak >= rules.failures then return true end
  local sums = counted(one, now, rules)
  return (sums[1] >= rules.min_calls and sums[2] >= rules.share * sums[1])
    or (sums[3] >= rules.slow_calls and sums[3] >= rules.slow_share * sums[1])
end

-- A new generation: results of calls that began before say nothing any more.
local function turn(one, state)
  one.state, one.gen = state, one.gen + 1
  one.streak, one.wins, one.window = 0, 0, ''
  redis.call('DEL', key('since', one.id), key('permits', one.id))
end

local function open(one, now, rules)
  one.trips = (now - one.back > rules.forgiven) and 1 or one.trips + 1
  turn(one, 'open')
  -- Jitter, so that not all that fell together come back together; never longer than the most.
  one.till = now + math.floor(math.min(rules.open * one.trips, rules.most_open) * (1 - 0.2 * math.random()))
end

local function close(one, now)
  turn(one, 'closed')
  one.back, one.ramp = now, now
end

-- Whether one more than the others may be isolated: never more than half of them, so never the last.
local function room(all, than)
  local out = 0
  for _, one in ipairs(all) do
    if one.id ~= than.id and (one.state ~= 'closed' or one.down > 0) then out = out + 1 end
  end
  return out + 1 <= math.floor(#all / 2)
end

-- The time after which a call to it is slow; the others of its model tell what is usual.
local function patience(one, all, rules)
  local paces = {}
  for _, other in ipairs(all) do
    if other.id ~= one.id and other.paced >= rules.pace_calls then paces[#paces + 1] = other.mean end
  end
  if rules.slow <= 0 then return math.huge end
  if #paces == 0 then return rules.slow end
  table.sort(paces)
  return math.min(rules.slow, math.max(rules.slow_floor, rules.slow_times * paces[math.floor((#paces + 1) / 2)]))
end

-- The weight in effect: from a tenth to the whole during a slow start.
local function weighed(one, weight, now, rules)
  if rules.slow_start <= 0 then return weight end
  return weight * math.max(0.1, math.min(1, (now - one.ramp) / rules.slow_start))
end

local function panicking(all)
  local fine = 0
  for _, one in ipairs(all) do
    if one.state == 'closed' and one.down == 0 then fine = fine + 1 end
  end
  return 2 * fine < #all
end
