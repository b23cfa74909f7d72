-- What wrk sends for scripts/bench: `wrk -t1 … -s benches/load.lua URL -- seed|redirect|create …`.
--
-- Every request is put together before the clock starts, so that wrk's own work is a table look-up. wrk collects
-- headers and bodies only when there is a `response` function: just the check of a warm-up (last argument `check`)
-- and the seeding have one. The last line printed is for the script: see `done`.

local requests = {}
local following = 0

-- For `done`, which runs in another Lua state and reads them with thread:get.
bad = 0
worst = ""

local threads = {}
function setup(thread)
  table.insert(threads, thread)
end

local function headers(key)
  return { ["Content-Type"] = "application/json", ["Accept"] = "application/json", ["X-Api-Key"] = key }
end

local function note(status, body)
  bad = bad + 1
  worst = status .. " " .. (body or ""):sub(1, 500)
end

-- 3,000 agents of phones: browsers froze most of what was once in theirs, so many people share one.
local function agents()
  local all = {}
  for number = 0, 1499 do
    all[#all + 1] = ("Mozilla/5.0 (iPhone; CPU iPhone OS %d_%d like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/%d.0.6%03d.%d Mobile/15E148 Safari/604.1")
      :format(15 + number % 4, number % 7, 120 + number % 15, number % 1000, number)
    all[#all + 1] = ("Mozilla/5.0 (Linux; Android %d; SM-S9%02dU) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/%d.0.0.0 Mobile Safari/537.36")
      :format(10 + number % 6, math.floor(number / 6) % 50, 120 + math.floor(number / 300))
  end
  return all
end

-- 100,000 people, each an address and an agent together, over all codes evenly: a code comes again when all others
-- have come, each time in another order. `from` is where an earlier run left off.
local function redirect(codes_file, host, from, check)
  local codes, all = {}, agents()
  for code in io.lines(codes_file) do
    codes[#codes + 1] = code
  end
  math.randomseed(1)
  for number = 0, math.max(200000, #codes) - 1 do
    local at = number % #codes + 1
    -- Shuffled in place, one step a request.
    local other = math.random(at, #codes)
    codes[at], codes[other] = codes[other], codes[at]
    local person = number % 100000
    -- 198.18.0.0/15 is the range set aside for benchmarks. Not wrk.format, which takes ten times as long.
    requests[number + 1] = table.concat({
      "GET /", codes[at], " HTTP/1.1\r\nHost: ", host, "\r\nUser-Agent: ", all[person * 7 % #all + 1],
      "\r\nX-Forwarded-For: 198.", 18 + math.floor(person / 65536), ".", math.floor(person / 256) % 256, ".", person % 256, "\r\n\r\n",
    })
  end
  following = from
  if check then
    response = function(status, _, body)
      if status ~= 302 then
        note(status, body)
      end
    end
  end
end

local mutation = "mutation Create($input: CreateShortLinkInput!) { createShortLink(input: $input) { __typename"
  .. " ... on CreateShortLinkSuccess { shortUrl linkId destinationUrl } ... on UserError { code message path } } }"

local function create(key, list_id, check)
  for number = 1, 10000 do
    local body = ('{"query":"%s","variables":{"input":{"url":"https://shop.example.com/item/%d?utm_source=sms","listId":%s,"metadata":{"campaign":"spring","segment":%d}}}}')
      :format(mutation, number, list_id, number % 50)
    requests[number] = wrk.format("POST", "/graphql", headers(key), body)
  end
  if check then
    response = function(status, _, body)
      if status ~= 200 or not body:find('"CreateShortLinkSuccess"', 1, true) then
        note(status, body)
      end
    end
  end
end

-- Many creates a request, below the limits on aliases and complexity; each request's text is its own.
local function seed(codes_file, count, key, list_id)
  local a_request = 40
  local fields, number = {}, 0
  for sent = 1, math.ceil(count / a_request) + 100 do
    for alias = 1, a_request do
      number = number + 1
      fields[alias] = ('a%d:createShortLink(input:{url:\\"https://shop.example.com/item/%d\\",listId:%s}){...on CreateShortLinkSuccess{linkId}}')
        :format(alias, number, list_id)
    end
    requests[sent] = wrk.format("POST", "/graphql", headers(key), '{"query":"mutation{' .. table.concat(fields, " ") .. '}"}')
  end
  local codes = {}
  response = function(status, _, body)
    local before = #codes
    for code in body:gmatch('"linkId":"([^"]+)"') do
      codes[#codes + 1] = code
    end
    if #codes - before < a_request then
      note(status, body)
    end
    if #codes >= count or bad > 0 then
      -- The script waits for this file; one with too few lines tells it that something went wrong.
      local file = assert(io.open(codes_file .. ".part", "w"))
      file:write(table.concat(codes, "\n", 1, math.min(count, #codes)), "\n")
      file:close()
      assert(os.rename(codes_file .. ".part", codes_file))
      wrk.thread:stop()
    end
  end
end

function init(args)
  if args[1] == "seed" then
    seed(args[2], tonumber(args[3]), args[4], args[5])
  elseif args[1] == "redirect" then
    redirect(args[2], args[3], tonumber(args[4]), args[5])
  else
    create(args[2], args[3], args[4])
  end
end

function request()
  following = following % #requests + 1
  return requests[following]
end

-- RESULT requests microseconds p50 p99 (microseconds) failures, then what the last failure was.
function done(summary, latency)
  local errors = summary.errors
  local failures = errors.connect + errors.read + errors.write + errors.timeout + errors.status
  local what = ("connect %d, read %d, write %d, timeout %d, status %d"):format(
    errors.connect, errors.read, errors.write, errors.timeout, errors.status)
  for _, thread in ipairs(threads) do
    failures = failures + thread:get("bad")
    what = what .. " " .. thread:get("worst"):gsub("%s+", " ")
  end
  print(("RESULT %d %d %d %d %d %s"):format(summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), failures, what))
end
