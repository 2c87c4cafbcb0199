"""All kinds of days."""

from __future__ import annotations

from benchmarks.ordinary.kinds.base import Kind
from benchmarks.ordinary.kinds.courses import COURSES
from benchmarks.ordinary.kinds.monitoring import MONITORING
from benchmarks.ordinary.kinds.rollouts import ROLLOUTS
from benchmarks.ordinary.kinds.scaling import SCALING
from benchmarks.ordinary.kinds.traffic import TRAFFIC

KINDS: tuple[Kind, ...] = (*ROLLOUTS, *SCALING, *TRAFFIC, *COURSES, *MONITORING)
