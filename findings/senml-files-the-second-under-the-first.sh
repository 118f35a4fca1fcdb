#!/bin/sh
# PyPI senml 0.1.0 and kpn-senml 1.0.1: of two nodes in one pack, readings of the second are filed under the first.
#
# A SenML pack says once what many readings share, as base name, base time, base unit. Such a field holds for its record
# and those behind it, up to the next record that has the same field (RFC 8428, 4.1), so that a gateway can send what
# all its nodes measured in one pack. `SenMLDocument.from_json` of senml takes the base fields of the first record for
# all: the level of b becomes one of a, at a's time. `SenmlPack.from_json` of kpn-senml knows more than one base name, but
# looks a record that has none of its own up in the pack that is being read, not in the one it has come to: if that
# bears the name of the first node, b's battery is written over a's, and b has none. (It keeps no time and no unit either:
# issue 9 of kpn-iot/senml-python-library, open.) Packs of one node come out right, and nothing is raised.
#
# The first node's board jumps to and fro, its alarm goes off for the other, and the second seems silent. Give each node
# a pack of its own, or repeat the base name in every record, which helps with kpn-senml only. We found no issue upstream.
#
# Output seen, on 2026-11-30:
#   pack: [{"bn": "a/", "bt": 1796000000, "n": "level", "v": 1.25}, {"n": "battery", "v": 90}, {"bn": "b/", "bt":
#   1796003600, "n": "level", "v": 0.4}, {"n": "battery", "v": 12}]
#   senml: a/level 1.25 at 1796000000, a/battery 90.0 at 1796000000
#   senml: a/level 0.4 at 1796000000, a/battery 12.0 at 1796000000
#   kpn-senml: [{"n": "level", "v": 1.25, "bn": "a/"}, {"n": "battery", "v": 12}, {"n": "level", "v": 0.4, "bn": "b/"}]
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check senml==0.1.0 kpn-senml==1.0.1
cat > read.py << 'PY'
import json
import textwrap

from kpn_senml import SenmlPack
from senml import SenMLDocument

PACK = [
    {"bn": "a/", "bt": 1796000000, "n": "level", "v": 1.25},
    {"n": "battery", "v": 90},
    {"bn": "b/", "bt": 1796003600, "n": "level", "v": 0.4},
    {"n": "battery", "v": 12},
]
print(textwrap.fill("pack: " + json.dumps(PACK), 113))
document = SenMLDocument.from_json(PACK)
found = [one.to_absolute(document.base) for one in document.measurements]
for node in found[:2], found[2:]:
    print("senml:", ", ".join(f"{one.name} {one.value} at {one.time:.0f}" for one in node))

pack = SenmlPack("a/")
pack.from_json(json.dumps(PACK))
print("kpn-senml:", pack.to_json())
PY
venv/bin/python read.py | tee found
cat > expected << 'SEEN'
pack: [{"bn": "a/", "bt": 1796000000, "n": "level", "v": 1.25}, {"n": "battery", "v": 90}, {"bn": "b/", "bt":
1796003600, "n": "level", "v": 0.4}, {"n": "battery", "v": 12}]
senml: a/level 1.25 at 1796000000, a/battery 90.0 at 1796000000
senml: a/level 0.4 at 1796000000, a/battery 12.0 at 1796000000
kpn-senml: [{"n": "level", "v": 1.25, "bn": "a/"}, {"n": "battery", "v": 12}, {"n": "level", "v": 0.4, "bn": "b/"}]
SEEN
cmp found expected
