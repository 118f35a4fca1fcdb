#!/bin/sh
# npm @atomic-ehr/ucum 0.2.5: a noise of 94 dB is a pressure of 1e+41 Pa, where it is 1 Pa; and npm @lhncbc/ucum-lhc
# 7.1.10: a slope of 5 per cent is a twentieth of a degree, where it is nearly three.
#
# Both implement UCUM, the code of units that SensorThings and many a sensor name theirs by. Some of its units are no
# multiples: levels in bel, degrees of temperature, slopes. UCUM (sections 21 and 22, and its tables) says how each is
# turned, and that a prefix belongs to the number before it is turned: 94 dB[SPL] is 9.4 B[SPL], and 2e-5 Pa times ten
# to half of that. atomic-ehr leaves the prefix for afterwards, and the 2 of the reference out, so that even 9.4 B[SPL]
# comes to half of what it is; dB[V] is as far out. ucum-lhc has those right, but gives the angle of a slope in radians
# and calls it degrees (UCUM's table has `100tan(1 rad)` and, in the XML, `deg`). Fahrenheit is right in both.
#
# Neither throws. A level of noise that is averaged as pressure, and the fall of a canal, come out as rubbish without a
# word. Turn levels and slopes by yourself, and let the two check each other on what you use. We found no issue about
# either (LHNCBC/ucum-lhc pull request 61, open, is about Réaumur's degrees).
#
# Needs node and npm.
#
# Output seen, on 2026-11-30:
#   94 dB[SPL] in Pa: by UCUM 1.00, atomic-ehr 1.00e+41, ucum-lhc 1.00
#   9.4 B[SPL] in Pa: by UCUM 1.00, atomic-ehr 0.501, ucum-lhc 1.00
#   20 dB[V] in V: by UCUM 10.0, atomic-ehr 1.00e+9, ucum-lhc 10.0
#   5 %[slope] in deg: by UCUM 2.86, atomic-ehr 2.86, ucum-lhc 0.0500
#   80 [degF] in Cel: by UCUM 26.7, atomic-ehr 26.7, ucum-lhc 26.7
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . @atomic-ehr/ucum@0.2.5 @lhncbc/ucum-lhc@7.1.10
cat > turn.mjs << 'JS'
import { ucum } from "@atomic-ehr/ucum";
import lhc from "@lhncbc/ucum-lhc";
const utils = lhc.UcumLhcUtils.getInstance();
for (const [value, from, to, right] of [
  [94, "dB[SPL]", "Pa", 2e-5 * 10 ** (9.4 / 2)],
  [9.4, "B[SPL]", "Pa", 2e-5 * 10 ** (9.4 / 2)],
  [20, "dB[V]", "V", 10 ** (2 / 2)],
  [5, "%[slope]", "deg", (Math.atan(5 / 100) * 180) / Math.PI],
  [80, "[degF]", "Cel", ((80 - 32) * 5) / 9],
]) {
  const said = { "by UCUM": right, "atomic-ehr": ucum.convert(value, from, to) };
  said["ucum-lhc"] = utils.convertUnitTo(from, value, to).toVal;
  const all = Object.entries(said).map(([by, number]) => `${by} ${number.toPrecision(3)}`).join(", ");
  console.log(`${value} ${from} in ${to}: ${all}`);
}
JS
node turn.mjs | tee found
cat > expected << 'SEEN'
94 dB[SPL] in Pa: by UCUM 1.00, atomic-ehr 1.00e+41, ucum-lhc 1.00
9.4 B[SPL] in Pa: by UCUM 1.00, atomic-ehr 0.501, ucum-lhc 1.00
20 dB[V] in V: by UCUM 10.0, atomic-ehr 1.00e+9, ucum-lhc 10.0
5 %[slope] in deg: by UCUM 2.86, atomic-ehr 2.86, ucum-lhc 0.0500
80 [degF] in Cel: by UCUM 26.7, atomic-ehr 26.7, ucum-lhc 26.7
SEEN
cmp found expected
