-- What tenants' questions are kept in; keyspace.faq names the same keys and says what each is.
local FAQ_DUE = 'mos:_system:faq:due'

local function faq_key(tenant, what, of)
  if of then return 'mos:' .. tenant .. ':faq:' .. what .. ':' .. of end
  return 'mos:' .. tenant .. ':faq:' .. what
end

local function faq_told(tenant, step)
  if step ~= '' then redis.call('XADD', faq_key(tenant, 'history'), 'MAXLEN', '~', 1000, '*', 'step', step) end
end

-- Take an FAQ off the shelf; false when there was none.
local function faq_unshelve(tenant, id)
  local value = redis.call('HGET', faq_key(tenant, 'live'), id)
  if not value then return false end
  local source = string.match(value, '^(%S*) ')
  if source ~= '' then redis.call('SREM', faq_key(tenant, 'from', source), id) end
  redis.call('HDEL', faq_key(tenant, 'live'), id)
  redis.call('ZREM', faq_key(tenant, 'shelf'), id)
  return true
end

-- Forget all that is kept of a question that is no FAQ.
local function faq_drop(tenant, id)
  local unit = faq_key(tenant, 'unit', id)
  for _, field in ipairs(redis.call('HKEYS', unit)) do
    local user = string.match(field, '^d %d+ (%S+)$')
    if user then redis.call('ZREM', faq_key(tenant, 'asked', user), id) end
  end
  redis.call('DEL', unit)
  redis.call('ZREM', faq_key(tenant, 'seen'), id)
  redis.call('ZREM', faq_key(tenant, 'candidates'), id)
  redis.call('SREM', faq_key(tenant, 'held'), id)
  redis.call('HDEL', faq_key(tenant, 'stats'), id)
  redis.call('HDEL', faq_key(tenant, 'hits'), id)
  redis.call('ZREM', FAQ_DUE, tenant .. ' ' .. id)
end

-- Remove a user's asks and samples of one question; the question itself when nobody else asked it.
local function faq_forget_asker(tenant, id, user, today)
  local unit = faq_key(tenant, 'unit', id)
  for day = today - 40, today + 1 do redis.call('HDEL', unit, 'd ' .. string.format('%d', day) .. ' ' .. user) end
  for place = 0, 15 do
    local sample = redis.call('HGET', unit, 's ' .. place)
    if sample and string.sub(sample, 1, #user + 1) == user .. ' ' then redis.call('HDEL', unit, 's ' .. place) end
  end
  redis.call('ZREM', faq_key(tenant, 'asked', user), id)
  if redis.call('HEXISTS', faq_key(tenant, 'live'), id) == 1 then return end
  for _, field in ipairs(redis.call('HKEYS', unit)) do
    if string.sub(field, 1, 2) == 'd ' then return end
  end
  faq_drop(tenant, id)
end
