"""The transport against both brokers, with workers in processes of their own that are stopped, killed and joined."""

from __future__ import annotations

import signal
import time

from tests.kafka.brokers import RealKafka
from tests.kafka.harness import PARTITIONS, PATIENCE_S, Bench, until


class TestTransport:
    async def test_batches_are_whole_and_a_stop_commits_exactly_what_was_released(self, bench: Bench) -> None:
        await bench.produce(500)
        await bench.write_plain(b"%d" % number for number in range(5))
        holder = bench.worker(group=bench.options.group + "-hold", hold=True)
        await bench.forget_state()
        worker = bench.worker()
        await until(lambda: worker.counted() == holder.counted() == 4 * 500, "both workers read everything")
        await until(lambda: len(worker.events("plain")) == 5, "the plain topic was read")

        assert await worker.end() == 0
        assert await holder.end() == 0
        assert [e["value"] for e in worker.events("plain")] == ["0", "1", "2", "3", "4"]
        for partition in range(PARTITIONS):
            batches = [e for e in worker.events("batch") if e["partition"] == partition]
            assert [e["first"] for e in batches] == [0, *(e["last"] + 1 for e in batches[:-1])]
            assert all(e["last"] - e["first"] + 1 == e["count"] for e in batches)
            assert batches[-1]["position"] == batches[-1]["highwater"] == 500
        await bench.exact_state()  # a busy broker may apply the last commit after the worker has ended
        assert await bench.committed(holder.options.group) == [None] * PARTITIONS

    async def test_nothing_is_lost_over_a_kill_and_a_restart(self, bench: Bench) -> None:
        await bench.produce(300)
        first = bench.worker(instance="w1")
        await until(lambda: first.counted() > 0, "the first worker reads")
        await bench.produce(300)
        await first.end(signal.SIGKILL)
        await bench.produce(300)

        second = bench.worker(instance="w1")
        await bench.exact_state()
        assert not any(e["missing"] for w in (first, second) for e in w.events("batch"))
        assert await second.end() == 0

    async def test_a_rebalance_and_a_kill_move_shards_with_their_state(self, bench: Bench) -> None:
        first = bench.worker()
        await first.assigned(4)
        await bench.produce(200)
        second = bench.worker()
        await first.assigned(2)
        await second.assigned(2)
        await bench.produce(200)
        await bench.exact_state()
        await bench.produce(200)
        await second.end(signal.SIGKILL)
        await first.assigned(4)
        await bench.produce(200)
        await bench.exact_state()

        assert not any(e["missing"] for w in (first, second) for e in w.events("batch"))
        assert all(e["next_offset"] > 0 for e in second.events("restored"))
        assert await first.end() == 0

    async def test_a_stop_behind_a_dead_member_is_bounded(self, bench: Bench) -> None:
        dead = bench.worker()
        await dead.assigned(4)
        await dead.end(signal.SIGKILL)
        joining = bench.worker(stop_timeout_s=8.0)
        await until(lambda: bool(joining.events("started")), "the worker runs")
        began_s = time.monotonic()
        assert await joining.end(signal.SIGINT) == 0
        assert time.monotonic() - began_s < 12


async def test_delivery_begins_where_the_state_ends_even_if_more_is_committed(embedded_bench: Bench) -> None:
    await embedded_bench.produce(300)
    first = embedded_bench.worker()
    await embedded_bench.exact_state()
    assert await first.end() == 0
    await embedded_bench.forget_state()
    second = embedded_bench.worker(from_state=True)
    await embedded_bench.exact_state()
    assert await second.end() == 0


class TestAgents:
    """What an agent does wrong; the kind of broker does not matter."""

    async def test_a_batch_whose_agent_raises_is_not_committed(self, embedded_bench: Bench) -> None:
        failing = embedded_bench.worker(fail_at=250)
        await failing.assigned(4)
        await embedded_bench.produce(300)
        await until(lambda: failing.process.poll() is not None, "the worker gave up")
        assert failing.process.returncode == 1
        assert all(done is None or done <= 250 for done in await embedded_bench.committed())
        mended = embedded_bench.worker()
        await embedded_bench.exact_state()
        assert await mended.end() == 0


    async def test_a_stop_is_bounded_even_if_the_event_loop_is_stuck(self, embedded_bench: Bench) -> None:
        stuck = embedded_bench.worker(block_at=250, stop_timeout_s=5.0)
        await stuck.assigned(4)
        await embedded_bench.produce(300)
        await until(lambda: bool(stuck.events("blocked")), "the agent blocks the loop")
        began_s = time.monotonic()
        assert await stuck.end() == 1
        assert time.monotonic() - began_s < 9
        assert all(done is None or done <= 250 for done in await embedded_bench.committed())


class TestRealKafka:
    async def test_a_worker_survives_the_kill_of_its_broker(self, real: RealKafka, real_bench: Bench) -> None:
        worker = real_bench.worker(instance="w1")
        await worker.assigned(4)
        await real_bench.produce(200)
        await real_bench.exact_state()
        real.kill()
        real.start()
        await real_bench.produce(200)
        await real_bench.exact_state(3 * PATIENCE_S)  # the broker recovers first
        assert await worker.end() == 0

    async def test_a_zombie_that_wakes_up_loses_and_repeats_nothing(self, real_bench: Bench) -> None:
        zombie = real_bench.worker()
        await zombie.assigned(4)
        await real_bench.produce(200)
        await real_bench.exact_state()
        zombie.process.send_signal(signal.SIGSTOP)
        heir = real_bench.worker()
        await heir.assigned(4)
        await real_bench.produce(200)
        await real_bench.exact_state()
        zombie.process.send_signal(signal.SIGCONT)
        await zombie.assigned(2)
        await real_bench.produce(200)
        await real_bench.exact_state()
        assert not any(e["missing"] for w in (zombie, heir) for e in w.events("batch"))
        assert await zombie.end() == await heir.end() == 0
