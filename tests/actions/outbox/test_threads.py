"""An effect is told in the thread of its cause, and in the channel itself only if it is more severe. With a Slack that
refuses threads that are not there.
"""

from __future__ import annotations

from dataclasses import replace

import aiohttp

from actions.base import Secret
from actions.channels.kinds.slack import Slack, SlackParams
from actions.channels.message import ChannelRefused
from actions.channels.notification import accepted, claimed, refused
from actions.channels.routes import Route
from actions.outbox.outbox import Outbox
from classifiers.model import Incident, Related
from tests.actions.approvals.cases import SOURCE, T, incident
from tests.actions.channels.fakes.slack import BOT, CHANNEL, FakeSlack


class Site:
    """An outbox before a fake of Slack. is_down: Slack refuses for now."""

    def __init__(self, slack: FakeSlack, channel: Slack, route: Route = Route()) -> None:  # noqa: B008 - frozen
        self.outbox = Outbox({"slack": route}, SOURCE, lambda _: 0)
        self.slack = slack
        self.channel = channel
        self.now_s = T
        self.is_down = False

    async def tell(self, *incidents: Incident) -> list[tuple[str, str]]:
        """What stands in Slack: the severity and incident of each message, and of the root of its thread."""
        for each in incidents:
            self.outbox.add_incident(each, self.now_s, 1.0)
        while True:
            changes = self.outbox.changes(self.now_s, 0, ())
            for one in changes:
                self.outbox.record(one, 0)
            due = self.outbox.next_for("slack", self.now_s, 0)
            if due is not None:
                sending = claimed(due, self.now_s)
                self.outbox.record(sending, 0)
                if self.is_down:
                    self.outbox.record(refused(sending, ChannelRefused("down", final=False), self.now_s), 0)
                else:
                    delivery = await self.channel.send(self.outbox.to_send(sending))
                    self.outbox.record(accepted(sending, delivery, self.now_s), 0)
            elif not changes:
                return self.told()

    def told(self) -> list[tuple[str, str]]:
        roots = {one["ts"]: self._about(one) for one in self.slack.messages}
        return [(self._about(one), roots[one["thread_ts"]] if "thread_ts" in one else "channel")
                for one in self.slack.messages]

    def _about(self, posted: dict[str, object]) -> str:
        found = self.outbox.notifications[posted["metadata"]["event_payload"]["id"]].message  # type: ignore[index]
        return f"{found.incident_id} {found.event}"


async def in_slack(*batches: tuple[Incident, ...], route: Route = Route()) -> list[tuple[str, str]]:  # noqa: B008
    async with FakeSlack().running() as slack, aiohttp.ClientSession() as session:
        site = Site(slack, SlackParams(CHANNEL, Secret(BOT), url=f"{slack.url}/api").build(session), route)
        for batch in batches:
            site.now_s += 5.0
            await site.tell(*batch)
        return site.told()


def effect(name: str = "effect", of: str = "cause", severity: str = "P2", **over: object) -> Incident:
    related = (Related(of, "caused_by"),)
    return incident(name, related=related, severity=severity, peak_severity=severity, **over)


def cause(severity: str = "P1", **over: object) -> Incident:
    return incident("cause", severity=severity, peak_severity=severity, **over)


async def test_an_effect_has_no_message_of_its_own_in_the_channel_and_its_end_has_none_either() -> None:
    over = replace(effect(), state="resolved", resolved_at_s=T + 9.0)
    assert await in_slack((cause(),), (effect(),), (effect(severity="P1"),), (over,)) == [
        ("cause open", "channel"), ("effect open", "cause open"), ("effect change", "cause open"),
        ("effect close", "cause open"),
    ]


async def test_an_effect_that_is_read_first_or_at_once_with_its_cause_waits_for_it() -> None:
    both = (effect(f"effect-{number}", severity="P1") for number in range(4))
    told = await in_slack((*both, cause()))
    assert told[0] == ("cause open", "channel")
    assert [root for _, root in told[1:]] == ["cause open"] * 4


async def test_an_effect_of_an_effect_is_told_in_the_thread_of_the_first_cause() -> None:
    assert (await in_slack((cause(),), (effect(),), (effect("second", "effect"),)))[2] == ("second open", "cause open")


async def test_an_effect_that_is_more_severe_is_told_in_the_channel_also_when_it_becomes_so() -> None:
    assert (await in_slack((cause("P2"),), (effect(severity="P1"),)))[1] == ("effect open", "channel")
    assert await in_slack((cause("P2"),), (effect(),), (effect(severity="P0"),), (effect(severity="P0"),)) == [
        ("cause open", "channel"), ("effect open", "cause open"), ("effect change", "channel"),
    ]


async def test_an_incident_that_turns_out_to_be_an_effect_goes_on_in_the_thread_of_its_cause() -> None:
    alone = incident("effect", severity="P3", peak_severity="P3")
    assert (await in_slack((alone,), (cause(),), (effect(severity="P2"),)))[2] == ("effect change", "cause open")


async def test_an_effect_of_what_the_channel_is_not_told_of_is_told_in_the_channel() -> None:
    silenced = cause(silenced_by="s1")
    assert await in_slack((silenced,), (effect(),)) == [("effect open", "channel")]
    assert await in_slack((effect(of="unknown"),)) == [("effect open", "channel")]


async def test_an_effect_waits_while_its_cause_is_tried_again_and_is_told_after_it() -> None:
    async with FakeSlack().running() as slack, aiohttp.ClientSession() as session:
        site = Site(slack, SlackParams(CHANNEL, Secret(BOT), url=f"{slack.url}/api").build(session))
        site.is_down = True
        await site.tell(cause())
        site.is_down = False
        assert await site.tell(effect()) == []
        site.now_s += 2.0
        assert await site.tell() == [("cause open", "channel"), ("effect open", "cause open")]
