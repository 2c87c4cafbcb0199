"""Topics as the brokers have them, compared with what workers need."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from streams.client.examination.topic_check import TopicState, check_topics
from streams.contracts.channels import CHANNELS
from tests.streams.fakes import config_of

SITE = "version: 1\ninputs: [{topic: a}, {topic: b}]\n"


def test_each_topic_that_is_not_as_it_should_be_is_found_with_what_to_do(tmp_path: Path) -> None:
    config = config_of(tmp_path, SITE)
    own = [TopicState(getattr(config.topics, one.setting), "", 4, dict(one.config)) for one in CHANNELS]
    good = [TopicState("a", "input", 4), TopicState("b", "input", 4), *own]
    assert check_topics(config, good) == []
    state = next(one for one in own if one.name == config.topics.state)
    bad = [TopicState("a", "input", 4), TopicState("b", "input", 1), TopicState(config.topics.ledger, "", None),
           replace(state, partitions=2, settings={"cleanup.policy": "delete"})]
    assert [(one.topic, one.found) for one in check_topics(config, bad)] == [
        ("b", "1 partitions, other inputs have up to 4"),
        (config.topics.ledger, "does not exist"),
        (config.topics.state, "2 partitions, expected 4"),
        (config.topics.state, "cleanup.policy is delete, expected compact"),
    ]
    assert all(one.remedy for one in check_topics(config, bad))
