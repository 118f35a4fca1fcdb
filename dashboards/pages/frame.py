"""The templates of these pages."""

from devices.web.frame import Pages

PAGES = Pages("dashboards")
