#!/bin/sh
# PyPI inflow 0.3.2: a reading of November 2026 written with minute precision is stored by InfluxDB in January 2028.
#
# InfluxDB takes times in other units than nanoseconds, which the address of the write names (`precision=m`, `h`), and
# inflow offers them all. It computes minutes as the seconds since 1970 times 0.017, where a sixtieth is 0.01666…: two
# per cent too many of 57 years, so the reading is over a year ahead, and further every day. With hours (0.000278) it
# is 16 days ahead. Seconds and finer units are right. No error occurs: the store keeps points of the future, and
# `now() - 1h` never finds them; two readings of one minute can also get different times. Leave the precision at
# seconds. We found no issue upstream.
#
# Output seen, on 2026-11-29:
#   precision s: 1795933800, which is 2026-11-29 06:30
#   precision m: 30530874, which is 2028-01-18 23:54
#   precision h: 499269, which is 2026-12-15 21:00
#   sent to /write?precision=m&db=field
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check inflow==0.3.2
cat > write.py << 'PY'
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer

from inflow import Client, Measurement

asked = []

class Store(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked.append((self.path, int(body.split()[-1])))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass

store = HTTPServer(("127.0.0.1", 0), Store)
threading.Thread(target=store.serve_forever, daemon=True).start()
level = Measurement("water", datetime(2026, 11, 29, 6, 30, tzinfo=timezone.utc), level=0.35)
for unit, seconds in ("s", 1), ("m", 60), ("h", 3600):
    Client(f"http://127.0.0.1:{store.server_port}/field", precision=unit).write(level)
    number = asked[-1][1]
    stored = datetime(1970, 1, 1) + timedelta(seconds=number * seconds)
    print(f"precision {unit}: {number}, which is {stored:%Y-%m-%d %H:%M}")
print("sent to", asked[1][0])
PY
venv/bin/python write.py | tee found
cat > expected << 'SEEN'
precision s: 1795933800, which is 2026-11-29 06:30
precision m: 30530874, which is 2028-01-18 23:54
precision h: 499269, which is 2026-12-15 21:00
sent to /write?precision=m&db=field
SEEN
cmp found expected
