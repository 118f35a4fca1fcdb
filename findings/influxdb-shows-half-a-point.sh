#!/bin/sh
# influxdb 1.8.10 (Go; also Debian 12's 1.6.7): a query beside a write can see a point with only some of its fields.
#
# Each point written here is one line of line protocol with all of its six fields. While one client keeps writing such
# points, another reads the newest with SELECT *: now and then a row lacks fields that its line had, and a moment
# later the same row is whole. The engine puts each field of a point into its memory separately, and a query may run
# in between; no kind of read waits for the rest. A program that divides one field by another, or takes a missing
# field for zero, is wrong for an instant, and a page that expects all fields fails. Query for rows that have the
# needed fields, and leave the others to the next query.
#
# Needs Go, some minutes to build the server, and Python 3. How many rows are cut depends on the machine: one in twenty
# on two cores, while nothing but this was written and read.
#
# Output seen, on 2026-11-30:
#   influxdb v1.8.10
#   written: 6 fields a point
#   read: rows of fewer fields: some
#   once nothing is written: 0
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
cat > beside.py << 'PY'
import json, sys, threading, time
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

site = f"http://127.0.0.1:{sys.argv[1]}"

def ask(statement, data=None):
    return json.load(urlopen(f"{site}/query?" + urlencode({"db": "b", "q": statement}), data, timeout=10))

for _ in range(100):
    try:
        ask("CREATE DATABASE b", b"")
        break
    except URLError:
        time.sleep(0.1)
FIELDS = ",".join(f"f{n}=1" for n in range(6))
ended, number = threading.Event(), 0

def write():
    global number
    while not ended.is_set():
        number += 1
        lines = "\n".join(f"m,series=s{n} {FIELDS} {number}" for n in range(30))
        urlopen(f"{site}/write?db=b", lines.encode(), timeout=10)

def cut():
    (series,) = ask("SELECT * FROM m ORDER BY time DESC LIMIT 60")["results"][0].get("series") or [{"values": []}]
    return sum(None in row for row in series["values"])

writer = threading.Thread(target=write)
writer.start()
end, found = time.monotonic() + 60, 0
while not found and time.monotonic() < end:
    found += cut()
ended.set()
writer.join()
print("written: 6 fields a point")
print("read: rows of fewer fields:", "some" if found else "none")
print("once nothing is written:", cut())
PY
{
  go version -m influxd | awk '$1 == "mod" { print "influxdb", $3 }'
  python3 beside.py "$port"
} | tee found
cat > expected << 'SEEN'
influxdb v1.8.10
written: 6 fields a point
read: rows of fewer fields: some
once nothing is written: 0
SEEN
cmp found expected
