#!/bin/sh
# Mosquitto 2.0.11-1.2+deb12u2 (Debian 12): `log_dest topic` never carries debug lines, whatever `log_type` says.
#
# At MQTT 3.1.1 the line "Denied PUBLISH from …" is Mosquitto's only message about a publish that its ACL denies (the
# PUBACK says nothing), and it is of type debug. mosquitto.conf(5) lists debug among the log types and topic among the
# destinations ($SYS/broker/log/<severity>), so a monitor that subscribes to $SYS/broker/log/# waits for
# $SYS/broker/log/D. With `log_type all` the line appears on standard error and on no topic, while notices about the
# same client appear on both. To tell a node's owner of a wrong topic, read standard error or a file.
#
# Needs Debian 12 and its package lists (apt-get update).
#
# Output seen, on 2026-11-28:
#   standard error: Denied PUBLISH from auto (d0, q1, r0, m1, 'other/topic', ... (2 bytes))
#   on $SYS/broker/log/N: New client connected
#   on $SYS/broker/log/D: nothing
set -eu
work=$(mktemp -d)
trap 'kill "$broker" "$heard" 2> /dev/null || true; rm -rf "$work"' EXIT
broker= heard=
cd "$work"
apt-get download -qq mosquitto=2.0.11-1.2+deb12u2 mosquitto-clients=2.0.11-1.2+deb12u2 \
  libmosquitto1=2.0.11-1.2+deb12u2 libwebsockets17=4.1.6-3 libdlt2=2.18.8-6 libcjson1=1.7.15-1+deb12u4 \
  libev4=1:4.33-1 libuv1=1.44.2-1+deb12u1
for deb in *.deb; do dpkg -x "$deb" root; done
LD_LIBRARY_PATH=$(find "$work/root/usr/lib" -maxdepth 1 -type d -name '*-linux-gnu*' | head -n 1)
export LD_LIBRARY_PATH
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf 'topic readwrite own/#\ntopic read $SYS/#\n' > acl
cat > conf <<CONF
listener $port 127.0.0.1
allow_anonymous true
acl_file $work/acl
user $(id -un)
log_dest stderr
log_dest topic
log_type all
CONF
root/usr/sbin/mosquitto -c conf 2> said &
broker=$!
sleep 1
root/usr/bin/mosquitto_sub -p "$port" -t '$SYS/broker/log/#' -v > topics &
heard=$!
sleep 1
root/usr/bin/mosquitto_pub -p "$port" -i auto -q 1 -t other/topic -m hi # exit code 0: it was acknowledged
sleep 2
echo "standard error: $(grep -o 'Denied PUBLISH from auto.*' said)"
grep -q '^$SYS/broker/log/N .*New client connected.* as auto' topics && echo 'on $SYS/broker/log/N: New client connected'
if grep -q '^$SYS/broker/log/D\|Denied' topics; then
  echo "a debug line came on a topic: this has changed"
  exit 1
fi
echo 'on $SYS/broker/log/D: nothing'
