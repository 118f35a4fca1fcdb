#!/bin/sh
# PyPI marine-navigation 0.4.1 lets a barge of 4 m draught in over 3.2 m of water: at high water and at low water alike
# it reckons with the level half way between.
#
# The package takes a table of high and low waters and says for each entry whether the depth at the port plus the tide
# is more than a vessel's draught. An entry of a tide table is the level at its time. But the package fills in a high
# water at each low one and a low water at each high one, from the entries around, and takes the mean of the two as
# the "expected tide". That is nearly the same at all times: the tide is gone. At low water a vessel is let in that
# goes aground, at high water one is refused that could pass. (What is filled in goes by the number of entries, not by
# time, and day and night apart.)
#
# Barges with sand and rice enter the canals of the delta on the tide, sluices are opened by it. Compare the table's
# own levels with the draught. The package has no documentation; we found no issue upstream.
#
# Output seen, on 2026-11-30 (a depth of 3 m plus the tide):
#   01:00 HIGH 2.6 m: 1.40 expected; draught of 4 m: in, right is in; draught of 5 m: out, right is in
#   07:10 LOW 0.2 m: 1.40 expected; draught of 4 m: in, right is out; draught of 5 m: out, right is out
#   13:20 HIGH 2.5 m: 1.35 expected; draught of 4 m: in, right is in; draught of 5 m: out, right is in
#   19:30 LOW 0.4 m: 1.50 expected; draught of 4 m: in, right is out; draught of 5 m: out, right is out
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check marine-navigation==0.4.1 pandas==3.1.1 scipy==1.17.1 \
  matplotlib==3.11.2 setuptools==80.9.0
cat > ports.csv << 'CSV'
NAME,LATITUDE,LONGITUDE,UNLOCODE,APPROACH_MLLW_METERS
Sa Dec,10.30,105.77,VNSAD,3.0
CSV
cat > vessels.csv << 'CSV'
IMO,DRAUGHT,NAME,DWT
4,4.0,rice,1000
5,5.0,sand,2000
CSV
cat > tide.csv << 'CSV'
TIDE_HEIGHT_ID,PORT_NAME,TIDE_DATETIME,TIDE_HEIGHT_MT,TIDE_TYPE
1,Sa Dec,2026-12-01 01:00,2.6,HIGH
2,Sa Dec,2026-12-01 07:10,0.2,LOW
3,Sa Dec,2026-12-01 13:20,2.5,HIGH
4,Sa Dec,2026-12-01 19:30,0.4,LOW
5,Sa Dec,2026-12-02 01:50,2.6,HIGH
6,Sa Dec,2026-12-02 08:00,0.2,LOW
7,Sa Dec,2026-12-02 14:10,2.4,HIGH
8,Sa Dec,2026-12-02 20:20,0.4,LOW
CSV
cat > window.py << 'PY'
import csv

from marine_navigator.tidal_calculator import TidalCalculator

DEPTH = 3.0
port = TidalCalculator("tide.csv", "ports.csv", "vessels.csv")
by_draught = {n: port.get_tidal_prescription("Sa Dec", n, "2026-12-01 00:00:00")["TIDE_DATA"] for n in (4, 5)}
with open("tide.csv") as file:
    table = list(csv.DictReader(file))
for n, entry in enumerate(table[:4]):
    level = float(entry["TIDE_HEIGHT_MT"])
    found = by_draught[4][n]
    assert found["TIDE_DATETIME"][:16] == entry["TIDE_DATETIME"]
    windows = (
        f"draught of {draught} m: {rows[n]['TIDAL_WINDOW']}, right is {'in' if DEPTH + level > draught else 'out'}"
        for draught, rows in by_draught.items()
    )
    time, kind = entry["TIDE_DATETIME"][11:], entry["TIDE_TYPE"]
    print(f"{time} {kind} {level} m: {found['EXPECTED_TIDE']:.2f} expected; {'; '.join(windows)}")
PY
venv/bin/python -W ignore window.py | tee found
cat > expected << 'SEEN'
01:00 HIGH 2.6 m: 1.40 expected; draught of 4 m: in, right is in; draught of 5 m: out, right is in
07:10 LOW 0.2 m: 1.40 expected; draught of 4 m: in, right is out; draught of 5 m: out, right is out
13:20 HIGH 2.5 m: 1.35 expected; draught of 4 m: in, right is in; draught of 5 m: out, right is in
19:30 LOW 0.4 m: 1.50 expected; draught of 4 m: in, right is out; draught of 5 m: out, right is out
SEEN
cmp found expected
