#!/bin/sh
# npm vietnamese-lunar-calendar 0.0.6: on a server that runs in UTC, as containers do, one day in three of Vietnam's
# calendar is wrong by a day, among them Tết of 2024 and the mid-autumn feast of 2027.
#
# A month of this calendar begins on the day of the new moon at UTC+7, wherever the reader is. The package uses the
# offset of the machine instead (`getLocalTimezone`), so its dates are right on a laptop in Hà Nội and wrong in the
# cloud; with a clock set to Beijing it gives China's Tết in 2030. `new LunarDate(2027, 9, 15)` takes a year, a month
# and a day but no time, so nothing in the call suggests a time zone, and its README mentions none. The exported
# classes have no argument for it.
#
# People go to temples, and markets are full, on the first and the fifteenth day of its months; crops for Tết are
# planned backwards from it. Set TZ=Asia/Ho_Chi_Minh for the process, or use npm @dqcai/vn-lunar 1.0.1, which has
# tables, or PyPI lunar-vn 1.4.0. We found no issue upstream.
#
# Needs node and npm.
#
# Output seen, on 2026-11-30:
#   by @dqcai/vn-lunar, TZ=Asia/Ho_Chi_Minh: Tết 2024-02-10, 2026-02-17, 2030-02-02; mid-autumn 2027-09-15
#   by @dqcai/vn-lunar, TZ=UTC: Tết 2024-02-10, 2026-02-17, 2030-02-02; mid-autumn 2027-09-15
#   by vietnamese-lunar-calendar, TZ=Asia/Ho_Chi_Minh: Tết 2024-02-10, 2026-02-17, 2030-02-02; mid-autumn 2027-09-15
#   by vietnamese-lunar-calendar, TZ=UTC: Tết 2024-02-09, 2026-02-17, 2030-02-02; mid-autumn 2027-09-14
#   by vietnamese-lunar-calendar, TZ=Asia/Shanghai: Tết 2024-02-10, 2026-02-17, 2030-02-03; mid-autumn 2027-09-15
#   2020 to 2049, TZ=UTC: 3516 of 10958 days are not those of @dqcai/vn-lunar
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . vietnamese-lunar-calendar@0.0.6 @dqcai/vn-lunar@1.0.1
cat > days.mjs << 'JS'
import { getLunarDate } from "@dqcai/vn-lunar";
import package_ from "vietnamese-lunar-calendar";
const calendars = {
  "@dqcai/vn-lunar": (year, month, day) => getLunarDate(day, month, year),
  "vietnamese-lunar-calendar": (...date) => {
    const { date: day, month } = new package_.LunarDate(...date);
    return { day, month };
  },
};
function* days(from, to) { // of the common calendar, without any zone
  for (let time = Date.UTC(from); time < Date.UTC(to); time += 864e5) {
    yield new Date(time).toISOString().slice(0, 10);
  }
}
const split = (date) => date.split("-").map(Number);
function find(calendar, year, month, day) {
  for (const date of days(year, year + 1)) {
    const found = calendars[calendar](...split(date));
    if (found.month === month && found.day === day) return date;
  }
}
const [calendar] = process.argv.slice(2);
if (calendar) {
  const first = [2024, 2026, 2030].map((year) => find(calendar, year, 1, 1)).join(", ");
  console.log(`by ${calendar}, TZ=${process.env.TZ}: Tết ${first}; mid-autumn ${find(calendar, 2027, 8, 15)}`);
} else {
  let all = 0, other = 0;
  for (const date of days(2020, 2050)) {
    const [one, two] = Object.values(calendars).map((of) => of(...split(date)));
    all++;
    if (one.day !== two.day || one.month !== two.month) other++;
  }
  console.log(`2020 to 2049, TZ=${process.env.TZ}: ${other} of ${all} days are not those of @dqcai/vn-lunar`);
}
JS
{
  TZ=Asia/Ho_Chi_Minh node days.mjs @dqcai/vn-lunar
  TZ=UTC node days.mjs @dqcai/vn-lunar
  TZ=Asia/Ho_Chi_Minh node days.mjs vietnamese-lunar-calendar
  TZ=UTC node days.mjs vietnamese-lunar-calendar
  TZ=Asia/Shanghai node days.mjs vietnamese-lunar-calendar
  TZ=UTC node days.mjs
} | tee found
cat > expected << 'SEEN'
by @dqcai/vn-lunar, TZ=Asia/Ho_Chi_Minh: Tết 2024-02-10, 2026-02-17, 2030-02-02; mid-autumn 2027-09-15
by @dqcai/vn-lunar, TZ=UTC: Tết 2024-02-10, 2026-02-17, 2030-02-02; mid-autumn 2027-09-15
by vietnamese-lunar-calendar, TZ=Asia/Ho_Chi_Minh: Tết 2024-02-10, 2026-02-17, 2030-02-02; mid-autumn 2027-09-15
by vietnamese-lunar-calendar, TZ=UTC: Tết 2024-02-09, 2026-02-17, 2030-02-02; mid-autumn 2027-09-14
by vietnamese-lunar-calendar, TZ=Asia/Shanghai: Tết 2024-02-10, 2026-02-17, 2030-02-03; mid-autumn 2027-09-15
2020 to 2049, TZ=UTC: 3516 of 10958 days are not those of @dqcai/vn-lunar
SEEN
cmp found expected
