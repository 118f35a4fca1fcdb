#!/bin/sh
# PyPI kpn-senml 1.0.1 and micropython-senml 0.1.1: a sum of 1,005 m³ through a gate is 1,005 in JSON and 5 in CBOR,
# written by the same call from the same pack.
#
# SenML lets a pack state a part of every sum once, as base sum, which the reader adds (RFC 8428, 4.1); both packages
# subtract it from each record themselves. In CBOR the fields have numbers for names, and base sum is -6 (section 6,
# table 6). Both packages write -16, which is not assigned. A reader must ignore an unknown field unless its name ends
# in "_" (12.3), so it adds nothing and has no reason to complain; the packages read back what they wrote and do not
# notice either. MicroPython's package is derived from KPN's. Set no `base_sum` on a node that sends CBOR, or send
# JSON; at the other end, doubt a sum that falls. We found no issue upstream.
#
# Output seen, on 2026-11-29:
#   kpn_senml, JSON: [{"n": "gate", "s": 5, "u": "m3/s", "bn": "urn:dev:os:32473-1:", "bs": 1000}], sum 1005
#   kpn_senml, CBOR: [{0: 'gate', 5: 5, 1: 'm3/s', -2: 'urn:dev:os:32473-1:', -16: 1000}], sum 5
#   senml, JSON: [{"n": "gate", "s": 5, "u": "m3/s", "bn": "urn:dev:os:32473-1:", "bs": 1000}], sum 1005
#   senml, CBOR: [{0: 'gate', 5: 5, 1: 'm3/s', -2: 'urn:dev:os:32473-1:', -16: 1000}], sum 5
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check kpn-senml==1.0.1 micropython-senml==0.1.1 cbor2==5.6.5
cat > gate.py << 'PY'
import json
import cbor2
import kpn_senml.senml_pack
import kpn_senml.senml_record
import senml

def total(pack, base_sum, sum_):
    base = 0
    for record in pack:
        base = record.get(base_sum, base)
        return base + record[sum_]

for name, pack_of, record_of in (
    ("kpn_senml", kpn_senml.senml_pack.SenmlPack, kpn_senml.senml_record.SenmlRecord),
    ("senml", senml.SenmlPack, senml.SenmlRecord),
):
    pack = pack_of("urn:dev:os:32473-1:")
    pack.base_sum = 1000
    pack.add(record_of("gate", sum=1005, unit="m3/s"))
    written = pack.to_json()
    print(f"{name}, JSON: {written}, sum {total(json.loads(written), 'bs', 's')}")
    said = cbor2.loads(pack.to_cbor())
    print(f"{name}, CBOR: {said}, sum {total(said, -6, 5)}")
PY
venv/bin/python gate.py | tee found
cat > expected << 'SEEN'
kpn_senml, JSON: [{"n": "gate", "s": 5, "u": "m3/s", "bn": "urn:dev:os:32473-1:", "bs": 1000}], sum 1005
kpn_senml, CBOR: [{0: 'gate', 5: 5, 1: 'm3/s', -2: 'urn:dev:os:32473-1:', -16: 1000}], sum 5
senml, JSON: [{"n": "gate", "s": 5, "u": "m3/s", "bn": "urn:dev:os:32473-1:", "bs": 1000}], sum 1005
senml, CBOR: [{0: 'gate', 5: 5, 1: 'm3/s', -2: 'urn:dev:os:32473-1:', -16: 1000}], sum 5
SEEN
cmp found expected
