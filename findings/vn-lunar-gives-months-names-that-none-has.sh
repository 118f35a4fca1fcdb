#!/bin/sh
# npm @dqcai/vn-lunar 1.0.1 gives every month of Vietnam's calendar a name that no month has: Tết of 2025 begins Đinh
# Dần instead of Mậu Dần.
#
# A month is named by one of ten stems (can) and one of twelve branches (chi). Both go on by one from month to month,
# so an odd stem meets odd branches only, and of the 120 pairs 60 exist. `getMonthCanChi` is one stem behind, always,
# so that all of its months are of the 60 pairs that do not exist. Its README gives Giáp Tý for the 11th month of
# 2023, which is right, and not what the code gives. The third stem is spelt Bình instead of Bính, also in years and
# days. Days and years are right otherwise, and so are the dates. PyPI vnlunar 1.0.5 has the months right.
#
# Almanacs for sowing and for feasts go by these names, and an elder sees on the first page that they are none. Compute
# the stem yourself, from that of the year: twice it, and the month, and one, modulo ten.
#
# Needs node, npm and python3-venv.
#
# Output seen, on 2026-11-30 (days of 2020 to 2030; Bình is counted as Bính):
#   11th month of 2023: Giáp Tý by the README, Quý Tý by the code
#   29/1/2025: month Đinh Dần, right Mậu Dần; year Ất Tỵ, right Ất Tỵ
#   17/2/2026: month Kỷ Dần, right Canh Dần; year Bình Ngọ, right Bính Ngọ
#   of 4018 days wrong: date 0, day 0, month 4018, year 0
#   months with a pair that does not exist: on 4018 days; days with Bình for Bính: 402
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . @dqcai/vn-lunar@1.0.1
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check vnlunar==1.0.5
cat > names.mjs << 'JS'
import { readFileSync } from "node:fs";
import { LunarCalendar, getMonthCanChi } from "@dqcai/vn-lunar";

for (let day = new Date("2020-01-01T12:00Z"); day.getUTCFullYear() < 2031; day.setUTCDate(day.getUTCDate() + 1)) {
  const date = [day.getUTCDate(), day.getUTCMonth() + 1, day.getUTCFullYear()];
  const told = LunarCalendar.fromSolar(...date);
  const { day: d, month: m, year: y } = told.lunarDate;
  console.log([...date, [d, m, y].join("/"), told.dayCanChi, told.monthCanChi, told.yearCanChi].join());
}
const readme = readFileSync("node_modules/@dqcai/vn-lunar/README.md", "utf8");
const [, promised] = readme.match(/getMonthCanChi\(11, 2023\);\s*\/\/\s*"(.*?)"/);
console.error(`11th month of 2023: ${promised} by the README, ${getMonthCanChi(11, 2023)} by the code`);
JS
cat > compare.py << 'PY'
import sys

from vnlunar import get_can_chi, get_lunar_date

CAN = "Giáp Ất Bính Đinh Mậu Kỷ Canh Tân Nhâm Quý".split()
CHI = "Tý Sửu Dần Mão Thìn Tỵ Ngọ Mùi Thân Dậu Tuất Hợi".split()

def real(name): # stem and branch are both odd or both even
    can, chi = name.split()
    return (CAN.index(can.replace("Bình", "Bính")) - CHI.index(chi)) % 2 == 0

days, wrong, unreal, misspelt = 0, dict.fromkeys(("date", "day", "month", "year"), 0), 0, 0
for line in sys.stdin:
    day, month, year, *told = line.rstrip("\n").split(",")
    lunar = get_lunar_date(int(day), int(month), int(year))
    names = get_can_chi(lunar)
    right = [f"{lunar['day']}/{lunar['month']}/{lunar['year']}"]
    right += [names[part].replace(" (nhuận)", "") for part in ("day", "month", "year")]
    days += 1
    for part, one, other in zip(wrong, told, right, strict=True):
        wrong[part] += one.replace("Bình", "Bính") != other
    unreal += not real(told[2])
    misspelt += "Bình" in told[1]
    if right[0] in ("1/1/2025", "1/1/2026"):
        print(f"{day}/{month}/{year}: month {told[2]}, right {right[2]}; year {told[3]}, right {right[3]}")
print(f"of {days} days wrong:", ", ".join(f"{part} {count}" for part, count in wrong.items()))
print(f"months with a pair that does not exist: on {unreal} days; days with Bình for Bính: {misspelt}")
PY
{ node names.mjs > told; } 2> promised
{ cat promised; venv/bin/python compare.py < told; } | tee found
cat > expected << 'SEEN'
11th month of 2023: Giáp Tý by the README, Quý Tý by the code
29/1/2025: month Đinh Dần, right Mậu Dần; year Ất Tỵ, right Ất Tỵ
17/2/2026: month Kỷ Dần, right Canh Dần; year Bình Ngọ, right Bính Ngọ
of 4018 days wrong: date 0, day 0, month 4018, year 0
months with a pair that does not exist: on 4018 days; days with Bình for Bính: 402
SEEN
cmp found expected
