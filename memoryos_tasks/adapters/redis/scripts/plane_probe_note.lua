-- What a probe found.
--
-- ARGV 1 id  2 1 when it answered  3 failures in a row after which it is unready
-- Returns 1 when it is unready now
-- #include plane_lib
local now = clock()
local one = read(ARGV[1], now)
if ARGV[2] == '1' then
  -- Back: with a slow start, unless its breaker has something to say first.
  if one.down > 0 then one.ramp = now end
  one.missed, one.down = 0, 0
else
  one.missed = one.missed + 1
  if one.missed >= tonumber(ARGV[3]) then one.down = 1 end
end
write(one)
return one.down
