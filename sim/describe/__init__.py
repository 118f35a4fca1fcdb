"""One page that shows what the simulator simulates: a self-contained HTML file with SVG plots.

records (published values) ──┐
world, crops of a seed ──────┼─► page ─► months, years, a week of every signal
                             ├─► calendars: when each product is sown, grows and is picked
                             └─► farm: a pond through its cycle, a paddy's water, salt at the coast
drawing.py: curves, bars and bands in SVG

It lets people judge the simulated world by eye.
"""

from sim.describe.page import page

__all__ = ["page"]
