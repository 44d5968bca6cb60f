-- #include lib_clock
-- #include lib_append
-- Close a job, journal what was said and show it in short-term memory, in one step.
--
-- KEYS 1 job row  2 due  3 chat_log  4 tenant sequence  5 pending of all  6 events of the owner  7 state of the owner
--      8 active  9 sessions of the owner  10 dead letters of its queue
-- ARGV 1 due member  2 token  3 status  4 result (sealed)  5 error (JSON)  6 lifetime (ms)  7 tenant
--      8 STM prefix  9 active prefix  then per event: event_id, digest, payload, session
-- Returns 1 (also for a job that was wanted again meanwhile, and is queued), -1 when the claim was lost, -2 when an event id
-- was used with other content, -3 when what succeeded was cancelled meanwhile
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] then return -1 end
local status = redis.call('HGET', KEYS[1], 'status')
if status == ARGV[3] then return 1 end  -- asked again after the answer was lost on the way
if status ~= 'running' then return -1 end
if ARGV[3] == 'succeeded' and redis.call('HGET', KEYS[1], 'cancel') then return -3 end
local owner = {events = KEYS[6], state = KEYS[7], active = KEYS[8], sessions = KEYS[9], stm = ARGV[8], member = ARGV[9]}
local list = {}
for i = 10, #ARGV, 4 do list[#list + 1] = {ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]} end
local fresh = sort(owner, list)
if not fresh then return -2 end
local now = clock()
append(owner, KEYS[3], KEYS[4], KEYS[5], ARGV[7], '', fresh, now)
local letter = redis.call('HGET', KEYS[1], 'letter')
if letter and ARGV[3] == 'succeeded' then
  redis.call('XDEL', KEYS[10], letter)
  redis.call('HDEL', KEYS[1], 'letter')
end
if redis.call('HDEL', KEYS[1], 'again') == 1 then
  redis.call('HSET', KEYS[1], 'status', 'queued', 'attempts', 0)
  redis.call('HDEL', KEYS[1], 'cancel', 'waits')
  redis.call('ZADD', KEYS[2], now, ARGV[1])
  return 1
end
redis.call('HSET', KEYS[1], 'status', ARGV[3], 'result', ARGV[4], 'error', ARGV[5], 'finished_at', now)
redis.call('HDEL', KEYS[1], 'request')
redis.call('PEXPIRE', KEYS[1], ARGV[6])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
