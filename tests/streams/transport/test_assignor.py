from __future__ import annotations

from streams.transport.assignor import owners

FOUR = range(4)


def test_a_shard_has_one_owner_also_while_members_subscribe_to_different_topics() -> None:
    """As in a rolling change: the worker that has the new configuration owns all shards, and reads them whole."""
    found = owners({"a": FOUR, "b": FOUR}, {"a": ["w0", "w1"], "b": ["w1"]})
    assert found == {"w1": {"a": [0, 1, 2, 3], "b": [0, 1, 2, 3]}}


def test_what_the_owner_of_a_shard_does_not_subscribe_to_is_read_by_nobody_else() -> None:
    found = owners({"a": FOUR, "b": FOUR}, {"a": ["w0"], "b": ["w1"]})
    assert found == {"w0": {"a": [0, 2]}, "w1": {"b": [1, 3]}}


def test_members_of_one_configuration_share_the_shards_of_all_topics_alike() -> None:
    found = owners({"a": FOUR, "b": range(2)}, {"a": ["w1", "w0"], "b": ["w0", "w1"]})
    assert found == {"w0": {"a": [0, 2], "b": [0]}, "w1": {"a": [1, 3], "b": [1]}}
