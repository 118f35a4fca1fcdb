#!/bin/sh
# PyPI stapy 0.3.1: a query for the newest reading with `limit(1)` returns all the others too, with one request for
# each.
#
# In SensorThings `$top` limits how many entities an answer holds, and the answer to `$top=1` has a link to the next
# one (`@iot.nextLink`) for clients that want to go on; FROST-Server and others give it. stapy sends `$top`, and then
# follows the links to the end, whatever the limit was: for a gauge with 20 readings it makes 20 requests and returns
# 20 results, for one that has run for a year over 50,000. `get_data_sets(count=1)` stops it: count and limit together
# make one request.
#
# The operator of a server for open data sees a client walk through it one by one, and may take it for an attack. We
# found no issue upstream. (PyPI frost_sta_client also goes through all pages when its list is iterated, as its README
# says; `.entities` is the first page.)
#
# Output seen, on 2026-11-29:
#   limit(1): 20 results, 20 requests, first $top=1, last $top=1&$skip=19
#   limit(1), count=1: 19, 1 request
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check stapy==0.3.1
cat > newest.py << 'PY'
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

from stapy import Entity, Query, config

READINGS = range(20)
asked = []

class Server(BaseHTTPRequestHandler):
    def do_GET(self):
        address = urlsplit(self.path)
        asked.append(address.query)
        options = parse_qs(address.query)
        top, skip = (int(options.get(name, [usual])[0]) for name, usual in (("$top", "100"), ("$skip", "0")))
        newest_first = [{"result": one} for one in reversed(READINGS)]
        answer = {"value": newest_first[skip : skip + top]}
        if skip + top < len(READINGS):
            answer["@iot.nextLink"] = f"{root}{address.path[5:]}?$top={top}&$skip={skip + top}"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *args):
        pass

server = HTTPServer(("127.0.0.1", 0), Server)
root = f"http://127.0.0.1:{server.server_port}/v1.1"
threading.Thread(target=server.serve_forever, daemon=True).start()
config.set(STA_URL=root + "/")
newest = Query(Entity.Observation).limit(1).select("result")
got = newest.get_data_sets()
print(f"limit(1): {len(got)} results, {len(asked)} requests, first {asked[0].split('&')[0]}, last {asked[-1]}")
asked.clear()
print(f"limit(1), count=1: {newest.get_data_sets(count=1)}, {len(asked)} request")
PY
venv/bin/python -W ignore newest.py | tee found
cat > expected << 'SEEN'
limit(1): 20 results, 20 requests, first $top=1, last $top=1&$skip=19
limit(1), count=1: 19, 1 request
SEEN
cmp found expected
