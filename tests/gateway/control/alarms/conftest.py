"""Who is told, for all tests of alarms."""

import pytest

from gateway.control.alarms.sending import Webhook
from tests.gateway.control.alarms.parties import webhook


@pytest.fixture
def told():
    """A webhook as a channel, and what was posted to it."""
    with webhook() as (url, posted):
        yield Webhook(url), posted
