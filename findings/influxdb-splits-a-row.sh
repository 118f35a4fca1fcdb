#!/bin/sh
# influxdb 1.8.10 (Go; also 2.7.12, but not Debian 12's 1.6.7): a subquery's row comes out as two, each with a null.
#
# SELECT last(x), last(y) … GROUP BY t gives one row for each value of t. A query around it that does not group hands
# some of these rows on in two parts, one with x and no y, one with y and no x, as soon as two values of t differ in
# which of the two fields was sent last. A table of devices, one row each, then has too many rows, and a condition on
# both fields finds none. Each field of the subquery arrives in the order of its own times, while the rows are put
# together as if all arrived in the order of the tags. The same last() once more, around the first and grouped alike,
# makes the rows whole; so does grouping the outermost query.
#
# Needs Go, some minutes to build the server, and Python 3.
#
# Output seen, on 2026-11-30:
#   influxdb v1.8.10
#   grouped: a 1 1, b 2 2
#   around it: a 1 None, a None 1, b 2 2
#   twice, and around it: a 1 1, b 2 2
set -eu
work=$(mktemp -d)
trap 'kill "$store" 2> /dev/null || true; rm -rf "$work"' EXIT
store=
cd "$work"
GOBIN="$work" go install github.com/influxdata/influxdb/cmd/influxd@v1.8.10
free() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(free)
cat > conf << CONF
reporting-disabled = true
bind-address = "127.0.0.1:$(free)"
[meta]
  dir = "$work/meta"
[data]
  dir = "$work/data"
  wal-dir = "$work/wal"
[http]
  bind-address = "127.0.0.1:$port"
  log-enabled = false
CONF
./influxd -config conf > log 2>&1 &
store=$!
cat > split.py << 'PY'
import json, sys, time
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

site = f"http://127.0.0.1:{sys.argv[1]}"
LAST = "SELECT last(x) AS x, last(y) AS y FROM {} GROUP BY t"

def ask(statement, data=None):
    return json.load(urlopen(f"{site}/query?" + urlencode({"db": "b", "q": statement}), data, timeout=10))

def rows(statement):
    found = []
    for series in ask(statement)["results"][0]["series"]:
        for row in series["values"]:
            named = series.get("tags", {}) | dict(zip(series["columns"], row))
            found.append(f"{named['t']} {named['x']} {named['y']}")
    return ", ".join(sorted(found))

for _ in range(100):
    try:
        ask("CREATE DATABASE b", b"")
        break
    except URLError:
        time.sleep(0.1)
lines = "m,t=a x=1 1\nm,t=a y=1 3\nm,t=b x=2 3\nm,t=b y=2 1"
urlopen(f"{site}/write?db=b&precision=h", lines.encode(), timeout=10)
once = LAST.format("m")
print("grouped:", rows(once))
print("around it:", rows(f"SELECT x, y, t FROM ({once})"))
print("twice, and around it:", rows(f"SELECT x, y, t FROM ({LAST.format(f'({once})')})"))
PY
{
  go version -m influxd | awk '$1 == "mod" { print "influxdb", $3 }'
  python3 split.py "$port"
} | tee found
cat > expected << 'SEEN'
influxdb v1.8.10
grouped: a 1 1, b 2 2
around it: a 1 None, a None 1, b 2 2
twice, and around it: a 1 1, b 2 2
SEEN
cmp found expected
