"""The recipient of alarms for all tests in this folder."""

import pytest

from gateway.control.alarms.sending import Webhook
from tests.gateway.control.alarms.parties import webhook


@pytest.fixture
def told():
    """A webhook as a channel, and the list of messages posted to it."""
    with webhook() as (url, posted):
        yield Webhook(url), posted
