"""Hypothesis strategies for the classes that are on the wire."""

from __future__ import annotations

from hypothesis import strategies as st

from actions.model import Intent, Outcome
from classifiers.model import Acknowledgement, ActionRecord, Anomaly, Factor, Incident, OffsetRange, StageTime

finite = st.floats(-1e12, 1e12)
stamp = st.floats(0.0, 4e9)
offset = st.integers(0, 2**60)
places = st.builds(OffsetRange, partition=st.none() | offset, start=offset, end=offset)
anomaly = st.builds(
    Anomaly, start_s=finite, end_s=finite, value=st.none() | finite, expected=st.none() | finite,
    level=st.none() | finite, onset_s=finite, onset_error_s=st.none() | finite, count=st.integers(0, 10**9),
    records=st.lists(places, max_size=1).map(tuple),
)
action = st.builds(ActionRecord, decided_at_s=stamp, done_at_s=st.none() | stamp)
factor = st.builds(Factor, value=st.none() | st.text() | finite, weight=finite)
incidents = st.builds(
    Incident, opened_at_s=stamp, onset_at_s=stamp, resolved_at_s=st.none() | stamp,
    factors=st.lists(factor, max_size=2).map(tuple), evidence=st.lists(anomaly, max_size=2).map(tuple),
    actions=st.lists(action, max_size=2).map(tuple),
    stage_times=st.dictionaries(st.text(), st.builds(StageTime, value_s=st.none() | finite), max_size=2),
    onset_error_s=st.none() | stamp,
    acknowledged=st.none() | st.builds(Acknowledgement, at_s=stamp, until_s=stamp),
)
params = st.dictionaries(st.text(), st.none() | st.booleans() | st.text() | finite, max_size=3)
intents = st.builds(Intent, decided_at_s=stamp, expires_at_s=stamp, params=params)
outcomes = st.builds(Outcome, decided_at_s=stamp, done_at_s=stamp, data=params)
