#!/bin/sh
# npm @atomic-ehr/ucum 0.2.5 converts a noise of 94 dB to a pressure of 1e+41 Pa, where 1 Pa is right; and npm
# @lhncbc/ucum-lhc 7.1.10 converts a slope of 5 per cent to a twentieth of a degree, where nearly three are right.
#
# Both implement UCUM, the code of units that SensorThings and many sensors use. Some of its units are no multiples:
# levels in bel, degrees of temperature, slopes. UCUM (sections 21 and 22, and its tables) defines how each is
# converted, and that a prefix applies to the number before the conversion: 94 dB[SPL] is 9.4 B[SPL], and 2e-5 Pa
# times ten to half of that. atomic-ehr applies the prefix afterwards, and omits the 2 of the reference, so that even
# 9.4 B[SPL] gives half of the right pressure; dB[V] is wrong as well. ucum-lhc has those right, but gives the angle
# of a slope in radians and calls it degrees (UCUM's table has `100tan(1 rad)` and, in the XML, `deg`). Fahrenheit is
# right in both.
#
# Neither throws an error. The mean of noise levels taken as pressures, and the fall of a canal, come out wrong
# unnoticed. Convert levels and slopes yourself, and check the units that you use with both packages. We found no
# issue about either (LHNCBC/ucum-lhc pull request 61, open, is about Réaumur's degrees).
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
