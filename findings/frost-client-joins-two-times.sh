#!/bin/sh
# PyPI frost_sta_client 1.1.53 sends a day's rain, given with the day's beginning and end, with an invalid time.
#
# In SensorThings the phenomenonTime of an observation over a span is an interval of ISO 8601: beginning and end with
# a slash between them. The client takes two datetimes in a list, as its own error message says ("time entities should
# consist of one or two datetimes"), and writes them one after the other with nothing in between; validTime likewise.
# No check stops it, and it refuses to read what it wrote. Given as text with the slash, an interval passes in both
# directions. Sums and means of a day are the most common data of a weather station. We found no issue upstream.
#
# Output seen, on 2026-11-29:
#   two datetimes: 2026-11-28T00:00:00+07:002026-11-29T00:00:00+07:00
#   read again: ValueError
#   a text: 2026-11-28T00:00:00+07:00/2026-11-29T00:00:00+07:00
#   read again: 2026-11-28T00:00:00+07:00/2026-11-29T00:00:00+07:00
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check frost_sta_client==1.1.53
cat > rain.py << 'PY'
import json
import logging
import threading
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer

from frost_sta_client import Observation, SensorThingsService

logging.disable(logging.CRITICAL)
sent = []

class Server(BaseHTTPRequestHandler):
    def do_POST(self):
        sent.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(201)
        self.send_header("Location", f"http://127.0.0.1:{server.server_port}/v1.1/Observations(1)")
        self.end_headers()

    def log_message(self, *args):
        pass

server = HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
service = SensorThingsService(f"http://127.0.0.1:{server.server_port}/v1.1")
end = datetime(2026, 11, 29, tzinfo=timezone(timedelta(hours=7)))
begin = end - timedelta(days=1)
for name, day in ("two datetimes", [begin, end]), ("a text", f"{begin.isoformat()}/{end.isoformat()}"):
    service.create(Observation(phenomenon_time=day, result=12.4))
    print(f"{name}: {sent[-1]['phenomenonTime']}")
    try:
        again = Observation()
        again.__setstate__(sent[-1])
        print("read again:", again.phenomenon_time)
    except ValueError as error:
        print("read again:", type(error).__name__)
PY
venv/bin/python rain.py | tee found
cat > expected << 'SEEN'
two datetimes: 2026-11-28T00:00:00+07:002026-11-29T00:00:00+07:00
read again: ValueError
a text: 2026-11-28T00:00:00+07:00/2026-11-29T00:00:00+07:00
read again: 2026-11-28T00:00:00+07:00/2026-11-29T00:00:00+07:00
SEEN
cmp found expected
