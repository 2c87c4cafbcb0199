"""One replica as an exact event simulation: slots, a queue in order of arrival, continuous batching.

All running requests decode at one speed, which falls with their number; a prefill stops the others while it lasts. No
other coupling is needed: long prompts of one tenant slow the first token of all, a slow decoder fills the batch and
then the queue, and a burst does the same while each token is as fast as before. Pure.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass

import numpy as np

from detectors.base import FloatArray, IntArray

STEP_S = 0.25
"""The grid on which a replica's speed and slots may change."""


@dataclass(frozen=True, slots=True)
class Speed:
    """A replica over a run, by `STEP_S`. token_ms: time for one token when alone. crowding: growth of it for each
    running request. slots: how many run at once."""

    token_ms: FloatArray
    crowding: float
    slots: IntArray


@dataclass(frozen=True, slots=True)
class Served:
    """(n,) each: waiting and first-token times in ms, completion in s, running and waiting requests met on arrival.
    Times are infinite for what was never finished."""

    queue_ms: FloatArray
    first_ms: FloatArray
    done_s: FloatArray
    running: FloatArray
    waiting: FloatArray


def serve(arrival_s: FloatArray, prefill_ms: FloatArray, tokens: FloatArray, speed: Speed) -> Served:
    """Serve requests in order of arrival. About 10 us a request."""
    count = len(arrival_s)
    state = _Replica(prefill_ms, tokens, speed, count)
    for number, at_s in enumerate(arrival_s.tolist()):
        state.run_until(at_s)
        state.running[number], state.waiting[number] = len(state.heap), len(state.queue)
        state.arrive(number, at_s)
    state.run_until(len(speed.token_ms) * STEP_S)
    queue_ms = (state.started - arrival_s) * 1000.0
    return Served(
        queue_ms, queue_ms + state.prefilled_ms, state.done, np.array(state.running, float),
        np.array(state.waiting, float),
    )


class _Replica:
    """`progress` counts tokens made for each running request; one that began at p ends at p plus its tokens."""

    def __init__(self, prefill_ms: FloatArray, tokens: FloatArray, speed: Speed, count: int) -> None:
        self.prefill_ms, self.tokens = prefill_ms.tolist(), tokens.tolist()
        self.token_ms, self.slots = speed.token_ms.tolist(), speed.slots.tolist()
        self.crowding = speed.crowding
        self.last_step = len(self.token_ms) - 1
        self.now_s = 0.0
        self.blocked_ms = 0.0
        self.progress = 0.0
        self.heap: list[tuple[float, int]] = []
        self.queue: deque[int] = deque()
        self.started = np.full(count, np.inf)
        self.prefilled_ms = np.full(count, np.inf)
        self.done = np.full(count, np.inf)
        self.running = [0] * count
        self.waiting = [0] * count

    def arrive(self, number: int, at_s: float) -> None:
        if len(self.heap) < self.slots[min(int(at_s / STEP_S), self.last_step)]:
            self.start(number, at_s)
        else:
            self.queue.append(number)

    def start(self, number: int, at_s: float) -> None:
        self.blocked_ms += self.prefill_ms[number]
        self.started[number] = at_s
        self.prefilled_ms[number] = self.blocked_ms
        heapq.heappush(self.heap, (self.progress + self.tokens[number], number))

    def run_until(self, until_s: float) -> None:
        while self.heap:
            step = min(int(self.now_s / STEP_S), self.last_step)
            token_ms = self.token_ms[step] * (1.0 + self.crowding * len(self.heap))
            horizon_s = min(until_s, (step + 1) * STEP_S) if step < self.last_step else until_s
            left_ms = (horizon_s - self.now_s) * 1000.0
            target, number = self.heap[0]
            needed_ms = self.blocked_ms + (target - self.progress) * token_ms
            if needed_ms <= left_ms:
                self.now_s += max(needed_ms, 0.0) / 1000.0
                self.blocked_ms, self.progress = 0.0, target
                heapq.heappop(self.heap)
                self.done[number] = self.now_s
                while self.queue and len(self.heap) < self.slots[step]:
                    self.start(self.queue.popleft(), self.now_s)
                continue
            moved_ms = max(left_ms - self.blocked_ms, 0.0)
            self.blocked_ms = max(self.blocked_ms - left_ms, 0.0)
            self.progress += moved_ms / token_ms
            self.now_s = max(horizon_s, self.now_s + 1e-9)
            if self.now_s >= until_s:
                break
        self.now_s = max(self.now_s, until_s)
