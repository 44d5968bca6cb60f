-- #include lib_clock
-- #include lib_append
-- #include lib_show
-- Close a job, journal what was said and show it in short-term memory, in one step.
--
-- KEYS 1 job row  2 due  3 chat_log  4 tenant sequence  5 events of the owner  6 state of the owner
--      7 active  8 STM of the session  9 sessions of the owner
-- ARGV 1 due member  2 token  3 status  4 result (sealed)  5 error (JSON)  6 lifetime (ms)  7 tenant
--      8 active member  9 session  then triples event_id, digest, payload
-- Returns 1, -1 when the claim was lost, -2 when an event id was used with other content, -3 when what succeeded
-- was cancelled meanwhile
if redis.call('HGET', KEYS[1], 'token') ~= ARGV[2] then return -1 end
if redis.call('HGET', KEYS[1], 'status') ~= 'running' then return -1 end
if ARGV[3] == 'succeeded' and redis.call('HGET', KEYS[1], 'cancel') then return -3 end
local list = {}
for i = 10, #ARGV, 3 do list[#list + 1] = {ARGV[i], ARGV[i + 1], ARGV[i + 2]} end
local now = clock()
local function shown(event, seq)
  show(KEYS[7], KEYS[5], KEYS[6], KEYS[8], KEYS[9], seq, event, ARGV[8], ARGV[9], now)
end
if not append(KEYS[3], KEYS[4], KEYS[5], KEYS[6], ARGV[7], '', list, shown) then return -2 end
redis.call('HSET', KEYS[1], 'status', ARGV[3], 'result', ARGV[4], 'error', ARGV[5], 'finished_at', now)
redis.call('HDEL', KEYS[1], 'request')
redis.call('PEXPIRE', KEYS[1], ARGV[6])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
