-- The endpoints of a model as they are now.
--
-- ARGV 1 plan
-- Returns for each {state, in flight, weight in effect, trips, open for (ms), cooling (ms), down, next probe in (ms), panic}
-- #include plane_lib
local now, plan = clock(), cjson.decode(ARGV[1])
local all, told = {}, {}
for at, row in ipairs(plan.endpoints) do
  all[at] = read(row.id, now)
  all[at].busy = swept(all[at], now)
end
local panic = panicking(all) and 1 or 0
for at, one in ipairs(all) do
  local weight = weighed(one, plan.endpoints[at].weight, now, plan.rules)
  told[at] = {one.state, one.busy, string.format('%.6g', weight), one.trips,
    one.state == 'open' and math.max(0, one.till - now) or 0, math.max(0, one.cool - now), one.down,
    math.max(0, one.probe - now), panic}
end
return told
