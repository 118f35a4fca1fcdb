#!/bin/sh
# PyPI utide 0.4.0 and npm @neaps/tide-predictor 0.11.0: a level that is highest in October, fitted with the first and
# predicted with the second, is highest in December.
#
# Both call the yearly term of a level SA. In neaps, and in NOAA's constants, its phase counts from the sun's mean
# longitude h (after Schureman); in utide, after Foreman, from the perihelion, h - p', which is 77 degrees or 78 days
# away. Their speeds differ, 0.0410686 and 0.0410667 degrees an hour, but only the name passes from one tool to the
# other, and neither documentation says which is meant. M3 differs by half a turn; M2, S2, K1 and O1 can be used in
# both. Where a river's flood is greater than its tide, as in the upper delta of the Mekong, SA is the largest of all.
#
# Add p', 283.4 degrees in these years, to the phase of SA that utide found before neaps uses it; PyPI hatyan computes
# after either book and says which. Issue 2143 of dankelley/oce (R) is about the two speeds; about these two tools we
# found nothing (issue 296 of openwatersio/neaps compares them for the nodes).
#
# Needs node, npm and python3-venv.
#
# Output seen, on 2026-11-29:
#   SA, fitted to levels that are highest on 5 October: amplitude 1.00, phase 270.8
#   highest in 2027 by utide: 5 October
#   highest in 2027 by neaps: 22 December
#   highest in 2027 by neaps, p' added: 5 October
#   M2: neaps goes with utide (correlation 1.00)
#   M3: neaps goes against utide (correlation -1.00)
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . @neaps/tide-predictor@0.11.0
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check utide==0.4.0
cat > predict.mjs << 'JS'
import { createTidePredictor } from "@neaps/tide-predictor";
const [name, phase] = process.argv.slice(2);
const start = new Date("2027-01-01T00:00:00Z"), end = new Date("2027-12-31T21:00:00Z");
const tide = createTidePredictor([{ name, amplitude: 1, phase: Number(phase) }]);
const levels = tide.getTimelinePrediction({ start, end, timeFidelity: 3 * 3600 });
console.log(JSON.stringify(levels.map(({ level }) => level)));
JS
cat > both.py << 'PY'
import json
import subprocess
from datetime import datetime, timedelta

import numpy
import utide

def every_three_hours(year, years):
    return numpy.array([datetime(year, 1, 1) + timedelta(hours=n) for n in range(0, years * 365 * 24, 3)])

PAST, AHEAD = every_three_hours(2016, 9), every_three_hours(2027, 1)

def fitted(name, degrees_an_hour):
    since = numpy.array([(time - datetime(2016, 10, 5)).total_seconds() / 3600 for time in PAST])
    levels = numpy.cos(numpy.radians(degrees_an_hour * since))
    return utide.solve(PAST, levels, lat=10.46, constit=[name], conf_int="none", trend=False, verbose=False)

def neaps(name, phase):
    command = "node", "predict.mjs", name, str(phase)
    return numpy.array(json.loads(subprocess.run(command, capture_output=True, check=True).stdout))

def highest(levels):
    return f"{AHEAD[levels.argmax()].day} {AHEAD[levels.argmax()]:%B}"

fit = fitted("SA", 360 / (365.2422 * 24))
phase = fit.g[0]
print(f"SA, fitted to levels that are highest on 5 October: amplitude {fit.A[0]:.2f}, phase {phase:.1f}")
print("highest in 2027 by utide:", highest(utide.reconstruct(AHEAD, fit, verbose=False).h))
print("highest in 2027 by neaps:", highest(neaps("SA", phase)))
print("highest in 2027 by neaps, p' added:", highest(neaps("SA", phase + 283.4)))
for name, speed in (("M2", 28.9841042), ("M3", 43.4761564)):
    fit = fitted(name, speed)
    same = numpy.corrcoef(utide.reconstruct(AHEAD, fit, verbose=False).h, neaps(name, fit.g[0]))[0, 1]
    print(f"{name}: neaps goes {'with' if same > 0 else 'against'} utide (correlation {same:.2f})")
PY
venv/bin/python both.py | tee found
cat > expected << 'SEEN'
SA, fitted to levels that are highest on 5 October: amplitude 1.00, phase 270.8
highest in 2027 by utide: 5 October
highest in 2027 by neaps: 22 December
highest in 2027 by neaps, p' added: 5 October
M2: neaps goes with utide (correlation 1.00)
M3: neaps goes against utide (correlation -1.00)
SEEN
cmp found expected
