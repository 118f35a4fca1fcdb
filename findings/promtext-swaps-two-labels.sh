#!/bin/sh
# PyPI promtext-cli 0.2.0 adds a value to a file of metrics and exchanges the labels of one that was there: the gauge g2
# in Bình Thạnh becomes a gauge called Bình Thạnh in a place called g2.
#
# A script that runs now and then leaves its values in a file for Prometheus (the node exporter's textfile collector),
# and this command adds one to it, or updates it. The labels of a sample have no order in the text format: {gauge="g2",
# place="x"} and {place="x",gauge="g2"} are one series. promtext takes the names of the labels from the first sample of
# a metric, and from each sample its values as they stand, so a line with another order gets its values under the
# wrong names. It ends with exit code 0 and says nothing.
#
# The board then shows a level at a place that is none, and the alarm of the real place has no data. Keep one file for
# each program.
#
# Output seen, on 2026-11-30:
#   before:
#     level{gauge="g2",place="Bình Thạnh"} 1.4
#     level{place="An Phong",gauge="g1"} 1.2
#   after promtext water.prom salt 0.8 (exit code 0):
#     level{gauge="Bình Thạnh",place="g2"} 1.4
#     level{gauge="g1",place="An Phong"} 1.2
#     salt 0.8
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check promtext-cli==0.2.0 prometheus-client==0.23.1
cat > water.prom << 'TEXT'
# TYPE level gauge
level{place="An Phong",gauge="g1"} 1.2
level{gauge="g2",place="Bình Thạnh"} 1.4
TEXT
show() { grep -v '^#' water.prom | LC_ALL=C sort | sed 's/^/  /'; }
{
  echo before:
  show
  venv/bin/promtext water.prom salt 0.8 2>&1
  echo "after promtext water.prom salt 0.8 (exit code $?):"
  show
} | tee found
cat > expected << 'SEEN'
before:
  level{gauge="g2",place="Bình Thạnh"} 1.4
  level{place="An Phong",gauge="g1"} 1.2
after promtext water.prom salt 0.8 (exit code 0):
  level{gauge="Bình Thạnh",place="g2"} 1.4
  level{gauge="g1",place="An Phong"} 1.2
  salt 0.8
SEEN
cmp found expected
