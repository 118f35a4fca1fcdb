"""One page that shows what the simulator simulates: a self-contained HTML file with SVG plots.

records (what is published) ─┐
world, crops of a seed ──────┼─► page ─► months, years, a week of every signal
                             ├─► calendars: when each product is sown, grows and is picked
                             └─► farm: a pond through its cycle, a paddy's water, salt at the coast
drawing.py: curves, bars and bands in SVG

People who would rather look than read can judge the world here.
"""

from sim.describe.page import page

__all__ = ["page"]
