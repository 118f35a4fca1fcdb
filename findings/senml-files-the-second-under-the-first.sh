#!/bin/sh
# PyPI senml 0.1.0 and kpn-senml 1.0.1 file readings of the second of two nodes in one pack under the first.
#
# A SenML pack gives the fields that many readings share once, as base name, base time and base unit. A base field
# holds for its record and for those after it, until a record has the same field again (RFC 8428, 4.1), so that a
# gateway can send the readings of all its nodes in one pack. `SenMLDocument.from_json` of senml uses the base fields
# of the first record for all of them: the level of b becomes a level of a, at a's time. `SenmlPack.from_json` of
# kpn-senml knows more than one base name, but looks up a record without its own base name in the pack that it reads,
# instead of the pack that it has come to. If the pack has the name of the first node, b's battery overwrites a's, and
# b has none. (It keeps neither times nor units either: kpn-senml issue 9, open.) Packs of one node are read
# correctly, and no error is raised.
#
# The first node's board jumps between two levels, its alarm is triggered by the other node, and the second node seems
# silent. Send one pack per node, or repeat the base name in every record, which helps only with kpn-senml. We found
# no issue upstream.
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
