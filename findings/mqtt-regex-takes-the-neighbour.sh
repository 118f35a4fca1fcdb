#!/bin/sh
# npm mqtt-regex 1.1.0 takes messages of the commune Bình Thạnh Trung for messages of Bình Thạnh too.
#
# A program that subscribes to more than one filter must find out itself which of them a message matches, and uses a
# small package for it. MQTT splits topics into levels at the slashes and compares whole levels (MQTT 3.1.1, 4.7.1):
# the filter `binh-thanh/#` matches that level and the levels below it. mqtt-regex makes a regular expression in which
# the slash before the wildcard is optional, so every topic that begins with `binh-thanh` matches, and its named form
# returns `-trung` as the first level. With `+` in place of the name it is right. An empty level is a level in MQTT
# (4.7.1.1); mqtt-regex, and mqtt-pattern 2.1.1 of the same author, miss it. npm mqtt-wildcard 3.0.9 and mqtt-match
# 3.0.0 follow the specification in both.
#
# Places often have names that begin alike, and so have ponds (`pond/#`, `pond-2/level`): two are counted as one, and
# an alarm goes to the neighbour. Issue 4 of mqtt-regex (closed) is about a slash at the end; its README recommends
# mqtt-pattern for speed. We found no issue about the neighbour.
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
npm install --silent --no-audit --no-fund --prefix . mqtt-regex@1.1.0 mqtt-pattern@2.1.1 \
  mqtt-wildcard@3.0.9 mqtt-match@3.0.0
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
