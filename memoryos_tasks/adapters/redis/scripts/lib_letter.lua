-- Shared by job_due.lua and job_bury.lua: close a job as dead and keep it whole in its queue's dead letters.
--
-- A letter that was replayed and failed again takes the place of the old one and keeps when it was first seen.
local function bury(row_key, due_key, letters_key, counters_key, member, tenant, queue, task, keep, now, failure)
  local row = {}
  local flat = redis.call('HGETALL', row_key)
  for i = 1, #flat, 2 do row[flat[i]] = flat[i + 1] end
  if row.letter then redis.call('XDEL', letters_key, row.letter) end
  local letter = redis.call('XADD', letters_key, '*', 'tenant', tenant, 'subject', row.id, 'user', row.user,
    'kind', row.kind, 'queue', queue, 'task', task, 'reason', failure.reason, 'message', failure.message,
    'exception', failure.exception, 'traceback', failure.traceback, 'attempts', row.attempts,
    'first_seen', row.first_seen or row.created_at, 'last_seen', now, 'request_id', row.request_id or '',
    'headers', cjson.encode({request_id = row.request_id or '', inbox = row.inbox or ''}),
    'body', row.request or '', 'kept', row.kept or '')
  redis.call('HSET', row_key, 'status', 'dead', 'error', failure.error, 'finished_at', now, 'letter', letter)
  redis.call('HDEL', row_key, 'request', 'again')
  redis.call('PEXPIRE', row_key, keep)
  redis.call('ZREM', due_key, member)
  redis.call('HINCRBY', counters_key, 'dead ' .. failure.reason, 1)
  return letter
end
