#!/bin/sh
# PyPI provara-protocol 1.0.3 seals a lot of 750.0 kg under a hash that nobody finds who implements its protocol; and
# PyPI palynth-provenance 0.1.0 a value of 0.00005 under another hash than its twin, npm @palynth/provenance 0.1.0.
#
# A record that is to be checked in another language needs one spelling for each number. RFC 8785 (JSON
# Canonicalization Scheme, 3.2.2.3) takes JavaScript's: 750 for 750.0, 0.00005 for 5e-05. provara's README tells those
# who implement its protocol to use RFC 8785. Its own code writes floats as Python does, which only a comment in the
# module says ("JCS-like"). palynth's README promises the same bytes and hash in Python and TypeScript for the same
# input; its code takes care of whole numbers, but the small ones stay as Python writes them, with e-05 below 0.0001.
# Its golden vectors have no such number. PyPI jcs 0.2.1 follows the RFC.
#
# In Python a weight is a float as soon as it was divided or came from a scale; in a browser it is not. A buyer who
# checks such a record there finds it forged. Seal whole grams, or numbers as text.
#
# Needs node, npm and python3-venv.
#
# Output seen, on 2026-11-30:
#   jcs: {"kg":750} fa55aa00, {"kg":750.5} 19ff4f5a, {"kg":0.00005} 0ab473a7
#   provara: {"kg":750.0} 2eac7340, {"kg":750.5} 19ff4f5a, {"kg":5e-05} 501a7008
#   palynth, Python: {"kg":750} fa55aa00, {"kg":750.5} 19ff4f5a, {"kg":5e-05} 501a7008
#   palynth, TypeScript: {"kg":750} fa55aa00, {"kg":750.5} 19ff4f5a, {"kg":0.00005} 0ab473a7
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check provara-protocol==1.0.3 palynth-provenance==0.1.0 jcs==0.2.1
npm install --silent --no-audit --no-fund --ignore-scripts --prefix . @palynth/provenance@0.1.0
cat > records << 'JSON'
{"kg":750.0}
{"kg":750.5}
{"kg":0.00005}
JSON
cat > seal.py << 'PY'
import hashlib
import json

import jcs
from palynth_provenance.kernel import canonicalize, hash_canonical
from provara.canonical_json import canonical_dumps, canonical_hash

records = [json.loads(line) for line in open("records")]
for name, write, seal in (
    ("jcs", lambda one: jcs.canonicalize(one).decode(), lambda one: hashlib.sha256(jcs.canonicalize(one)).hexdigest()),
    ("provara", canonical_dumps, canonical_hash),
    ("palynth, Python", canonicalize, hash_canonical),
):
    print(f"{name}:", ", ".join(f"{write(one)} {seal(one)[:8]}" for one in records))
PY
cat > seal.mjs << 'JS'
import { readFileSync } from "node:fs";
import { canonicalize, hashCanonical } from "@palynth/provenance";
const records = readFileSync("records", "utf8").trim().split("\n").map((line) => JSON.parse(line));
const sealed = records.map((one) => `${canonicalize(one)} ${hashCanonical(one).slice(0, 8)}`);
console.log("palynth, TypeScript:", sealed.join(", "));
JS
{
  venv/bin/python seal.py
  node seal.mjs
} | tee found
cat > expected << 'SEEN'
jcs: {"kg":750} fa55aa00, {"kg":750.5} 19ff4f5a, {"kg":0.00005} 0ab473a7
provara: {"kg":750.0} 2eac7340, {"kg":750.5} 19ff4f5a, {"kg":5e-05} 501a7008
palynth, Python: {"kg":750} fa55aa00, {"kg":750.5} 19ff4f5a, {"kg":5e-05} 501a7008
palynth, TypeScript: {"kg":750} fa55aa00, {"kg":750.5} 19ff4f5a, {"kg":0.00005} 0ab473a7
SEEN
cmp found expected
