"""The contract's topics are understood, and no others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.contract.topics import DOWN, UP, Topic, TopicError, parse

IDS = st.from_regex(r"\A[a-z0-9-]{1,64}\Z")


@given(IDS, IDS, IDS, st.sampled_from(sorted(UP | DOWN)))
def test_a_topic_is_read_as_it_is_written(pilot, community, device, kind):
    topic = Topic(pilot, community, device, kind)
    assert parse(str(topic)) == topic
    assert str(topic) == f"hoiquan/v1/{pilot}/{community}/{device}/{kind}"


@given(st.text())
def test_any_other_text_is_refused_with_a_sentence(text):
    with pytest.raises(TopicError) as refused:
        parse(text)
    assert str(refused.value)


@pytest.mark.parametrize(
    ("topic", "part"),
    [
        ("hoiquan/v1/P/c/d/telemetry", "pilot"),
        ("hoiquan/v1/p/hội/d/telemetry", "community"),
        ("hoiquan/v1/p/c/d_1/telemetry", "device"),
        ("hoiquan/v1/p/c/d\n/telemetry", "device"),
        ("hoiquan/v1/p/c/+/telemetry", "device"),
        ("hoiquan/v1/p/c/#", "expected"),
        ("hoiquan/v1/p/c/d/telemetry/x", "expected"),
        ("Hoiquan/v1/p/c/d/telemetry", "expected"),
        ("hoiquan/v1/p/c/d/temperature", "kind"),
        ("hoiquan/v1/p/c/" + "x" * 65 + "/telemetry", "device"),
    ],
)
def test_the_sentence_names_the_part(topic, part):
    with pytest.raises(TopicError, match=part):
        parse(topic)
