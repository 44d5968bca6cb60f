-- Take the probes that are due now, each for one prober.
--
-- ARGV 1 (id, initial delay in ms, period in ms)…
-- Returns the numbers of those to probe
-- #include plane_lib
local now, due = clock(), {}
for at = 1, #ARGV, 3 do
  local one = read(ARGV[at], now)
  if one.probe == 0 then one.probe = now + tonumber(ARGV[at + 1]) end
  if one.probe <= now then
    due[#due + 1] = (at + 2) / 3
    one.probe = now + tonumber(ARGV[at + 2])
  end
  write(one)
end
return due
