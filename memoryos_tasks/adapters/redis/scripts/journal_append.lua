-- #include lib_clock
-- #include lib_append
-- Append events to the journal with their ingest job and show them in short-term memory, all or nothing.
--
-- KEYS 1 chat_log  2 tenant sequence  3 pending of all  4 events of the owner  5 state of the owner  6 active
--      7 sessions of the owner  8 job row  9 due ingests  10 bell
-- ARGV 1 tenant  2 job id  3 due member  4 sweep delay (ms)  5 user  6 inbox  7 request id  8 STM prefix
--      9 active prefix  10 most pending events  11 life of the bell (ms)
--      then per event: event_id, digest, payload, session
-- Returns {"ok", new ids, duplicate ids, 1 to ring}, {"conflict", event_id} or {"full", pending}
local owner = {events = KEYS[4], state = KEYS[5], active = KEYS[6], sessions = KEYS[7], stm = ARGV[8], member = ARGV[9]}
local list = {}
for i = 12, #ARGV, 4 do list[#list + 1] = {ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]} end
local fresh, duplicates = sort(owner, list)
if not fresh then return {'conflict', duplicates} end
if #fresh == 0 then return {'ok', {}, duplicates, 0} end
local pending = tonumber(redis.call('GET', KEYS[3]) or 0)
if pending + #fresh > tonumber(ARGV[10]) then return {'full', pending} end
local now = clock()
local ids = append(owner, KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2], fresh, now)
redis.call('HSET', KEYS[8], 'id', ARGV[2], 'user', ARGV[5], 'kind', 'ingest', 'status', 'queued',
  'attempts', 0, 'remaining', #ids, 'total', #ids, 'inbox', ARGV[6], 'request_id', ARGV[7],
  'created_at', now, 'deadline', 0)
redis.call('ZADD', KEYS[9], now + tonumber(ARGV[4]), ARGV[3])
-- One bell for all that come until somebody begins to drain.
local ring = redis.call('SET', KEYS[10], 1, 'NX', 'PX', ARGV[11])
return {'ok', ids, duplicates, ring and 1 or 0}
