#!/bin/sh
# npm mqtt-regex 1.1.0: what is said of the commune Bình Thạnh Trung is taken for Bình Thạnh's as well.
#
# A program that subscribes to more than one filter has to find by itself which of them a message met, and asks a
# small package. MQTT cuts names into levels at the slashes and compares whole levels (MQTT 3.1.1, 4.7.1): the
# filter `binh-thanh/#` is for that level and what lies below it. mqtt-regex makes a regular expression in which the
# slash before the wildcard may be missing, so every name that goes on from `binh-thanh` fits, and its named form
# hands out `-trung` as the first level. With `+` in the place of the name it is right. A level that is empty is a
# level in MQTT (4.7.1.1), and mqtt-regex and its author's later mqtt-pattern 2.1.1 miss it. npm mqtt-wildcard 3.0.9
# and mqtt-match 3.0.0 go by the book in both.
#
# Names that begin alike are common where places are named, and for ponds (`pond/#`, `pond-2/level`): two are counted
# as one, and an alarm goes to the neighbour. Issue 4 of RangerMauve/mqtt-regex (closed) is about a slash at the end;
# its README sends to mqtt-pattern for speed. Of the neighbour we found no issue.
#
# Needs node and npm.
#
# Output seen, on 2026-11-30:
#   binh-thanh/level meets binh-thanh/# by mqtt-regex, mqtt-pattern, mqtt-wildcard, mqtt-match
#   binh-thanh-trung/level meets binh-thanh/# by mqtt-regex
#   /level meets +/level by mqtt-wildcard, mqtt-match
#   binh-thanh/#rest: -trung, level
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund --prefix . \
  mqtt-regex@1.1.0 mqtt-pattern@2.1.1 mqtt-wildcard@3.0.9 mqtt-match@3.0.0
cat > match.js << 'JS'
const regex = require("mqtt-regex"), pattern = require("mqtt-pattern");
const wildcard = require("mqtt-wildcard"), match = require("mqtt-match");
const tools = {
  "mqtt-regex": (filter, topic) => regex(filter).exec(topic) !== undefined,
  "mqtt-pattern": (filter, topic) => pattern.matches(filter, topic),
  "mqtt-wildcard": (filter, topic) => wildcard(topic, filter) !== null,
  "mqtt-match": (filter, topic) => match(filter, topic),
};
for (const [topic, filter] of [
  ["binh-thanh/level", "binh-thanh/#"],
  ["binh-thanh-trung/level", "binh-thanh/#"],
  ["/level", "+/level"],
]) {
  const by = Object.keys(tools).filter((name) => tools[name](filter, topic));
  console.log(`${topic} meets ${filter} by ${by.join(", ")}`);
}
console.log(`binh-thanh/#rest: ${regex("binh-thanh/#rest").exec("binh-thanh-trung/level").rest.join(", ")}`);
JS
node match.js | tee found
cat > expected << 'SEEN'
binh-thanh/level meets binh-thanh/# by mqtt-regex, mqtt-pattern, mqtt-wildcard, mqtt-match
binh-thanh-trung/level meets binh-thanh/# by mqtt-regex
/level meets +/level by mqtt-wildcard, mqtt-match
binh-thanh/#rest: -trung, level
SEEN
cmp found expected
