-- Takes a token from the bucket KEYS[1], if there is one.
-- Lua's numbers are doubles: all numbers here are whole and less than 2^53, so each sum is exact.
local token = tonumber(ARGV[1]) -- the parts of a token
local full = tonumber(ARGV[2])  -- the parts of a full bucket
local rate = tonumber(ARGV[3])  -- the parts that are added in a microsecond
local fill = math.ceil(full / rate) -- the time in which an empty bucket is filled

-- The time in microseconds, by the store's clock, which is one clock for all servers: their own
-- clocks differ, and a request to the server whose clock is ahead would find more tokens. The store
-- expires keys in whole milliseconds, so a full bucket is kept for one more (`grace`).
local time = redis.call('TIME')
local now, grace = tonumber(time[1]) * 1000000 + tonumber(time[2]), 1
if ARGV[4] then -- A test gives the time. The store drops keys by its own clock, an hour later.
  now, grace = tonumber(ARGV[4]), 3600000
end

local parts = full
local stored = redis.call('HMGET', KEYS[1], 'parts', 'updated')
if stored[1] then
  -- Time never goes back, or it would add the same parts again. But if the clock was set back by
  -- more than `fill`, nothing is added for `fill` only, and not until the clock has caught up.
  local updated = math.min(tonumber(stored[2]), now + fill)
  now = math.max(now, updated)
  local passed = math.min(now - updated, fill)
  parts = math.min(tonumber(stored[1]) + passed * rate, full)
end

local allowed = 0
if parts >= token then
  allowed = 1
  parts = parts - token
end

-- tostring() writes 14 digits: 1790000000123456 would become 1.7900000001235e+15.
local function digits(number) return string.format('%.0f', number) end
redis.call('HSET', KEYS[1], 'parts', digits(parts), 'updated', digits(now))
-- A bucket that is full again is equal to none.
redis.call('PEXPIRE', KEYS[1], math.ceil((full - parts) / rate / 1000) + grace)
return {allowed, parts}
