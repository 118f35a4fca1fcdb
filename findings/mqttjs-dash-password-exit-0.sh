#!/bin/sh
# MQTT.js 5.16.0 (npm `mqtt`, its command) takes a password that begins with a dash for options; the broker refuses
# the connection, and the exit code is 0.
#
# `mqtt pub -P <password>` parses its line with minimist, which takes a word with a leading dash for further options
# even where a value is due; mosquitto_pub takes the next word, whatever it is. A random URL-safe password begins with
# a dash once in 64. If it begins with `-x`, no password is sent at all; if it begins with `-p`, the port is lost
# instead. `mqtt pub` ends with 0 after a refusal (CONNACK 5), so a script that relies on the exit code thinks that
# its reading arrived. `-P=-x…` and `--password=-x…` are read as meant.
#
# Needs Node.js with npm, and python3 for a broker that refuses everybody without the right password.
#
# Output seen, on 2026-11-28:
#   -P -xK3secret: refused, exit code 0
#   --password=-xK3secret: accepted, exit code 0
set -eu
work=$(mktemp -d)
trap 'kill "$broker" 2> /dev/null || true; rm -rf "$work"' EXIT
broker=
cd "$work"
npm install --silent --no-audit --no-fund --prefix . mqtt@5.16.0
cat > broker.py << 'PY'
import socket, struct
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    while True:
        line, _ = server.accept()
        with line:
            good = b"-xK3secret" in line.recv(4096)  # a CONNECT
            line.sendall(b"\x20\x02\x00" + (b"\x00" if good else b"\x05"))
            if good:
                print("accepted", flush=True)
                packet = line.recv(4096)  # a PUBLISH at QoS 1 of "t", whose number is behind its topic
                line.sendall(b"\x40\x02" + packet[5:7])
                line.recv(4096)
            else:
                print("refused", flush=True)
PY
python3 broker.py > said &
broker=$!
while [ ! -s said ]; do sleep 0.1; done
port=$(head -n 1 said)
tell() {
  printf '%s: ' "$*"
  code=0
  timeout 20 node_modules/.bin/mqtt pub -h 127.0.0.1 -p "$port" -i node -u node -q 1 -t t -m 1 "$@" > out 2>&1 || code=$?
  echo "$(tail -n 1 said), exit code $code"
}
tell -P -xK3secret | tee found
tell --password=-xK3secret | tee -a found
cat > expected << 'SEEN'
-P -xK3secret: refused, exit code 0
--password=-xK3secret: accepted, exit code 0
SEEN
cmp found expected
