"""The two brokers of the tests: the embedded one, and a real Apache Kafka in one process on free ports.

The real one is Java's: its jars come from Maven (`pom.xml` beside this file) into `.cache/kafka` of the checkout, or
are taken from the folder that TOCSIN_KAFKA_LIB names. It runs with its own data folder, can be killed and started
again on the same data and port, and is always ended by its process id.
"""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from streams.cluster.embedded_broker import EmbeddedBroker
from tests.ports import answers, free_ports

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache" / "kafka" / "lib"
START_TIMEOUT_S = 60.0

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}/logs
num.partitions=4
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.backoff.ms=500
"""


class KafkaMissing(RuntimeError):  # noqa: N818
    """This machine cannot run a real Kafka: no Java 17, or no jars and no Maven to fetch them."""


def skip_without(error: KafkaMissing) -> NoReturn:
    """Skip a test that needs Apache Kafka, or fail it where TOCSIN_REQUIRE_KAFKA=1."""
    if os.environ.get("TOCSIN_REQUIRE_KAFKA") == "1":
        pytest.fail(f"TOCSIN_REQUIRE_KAFKA=1, but {error}")
    pytest.skip(str(error))


class EmbeddedKafka:
    """The embedded broker behind the same face. It cannot be killed and brought back: it has no data."""

    name = "embedded"

    def __init__(self) -> None:
        self._broker = EmbeddedBroker()
        self.address = self._broker.start()

    def stop(self) -> None:
        self._broker.stop()


class RealKafka:
    """One Apache Kafka (KRaft) with its data under `folder`. Raises KafkaMissing if it cannot run here.

    more: further lines of its properties. formatting: further arguments of the storage tool.
    """

    name = "apache-kafka"

    def __init__(self, folder: Path, more: str = "", formatting: Sequence[str] = ()) -> None:
        self._java = find_java()
        self._jars = find_jars()
        self._folder = folder
        port, controller = free_ports(2)
        self.address = f"127.0.0.1:{port}"
        self._port = port
        self._properties = folder / "server.properties"
        text = PROPERTIES.format(port=port, controller=controller, data=folder)
        # The last line of a name counts.
        self._properties.write_text(text + more.format(port=port, controller=controller, data=folder))
        number = bytearray(uuid.uuid4().bytes)
        number[0] &= 0x7F  # the text must not begin with a dash: it would be read as an option
        identity = base64.urlsafe_b64encode(number).rstrip(b"=").decode()
        self._run(["kafka.tools.StorageTool", "format", "-t", identity, "-c", str(self._properties), *formatting])
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start on the existing data and port, and return when the port answers."""
        with (self._folder / "server.log").open("ab") as output:
            self._process = subprocess.Popen(
                self._command(["kafka.Kafka", str(self._properties)]), stdout=output, stderr=output, cwd=self._folder,
                start_new_session=True,
            )
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while not answers(self._port):
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"Kafka did not start: {(self._folder / 'server.log').read_text()[-2000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """SIGKILL: nothing is flushed and no client is disconnected."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def bytes_of(self, topic: str) -> int:
        """What the topic takes on disk."""
        sizes = []
        for segment in self._folder.glob(f"logs/{topic}-*/*.log"):
            with contextlib.suppress(FileNotFoundError):  # the cleaner is at work
                sizes.append(segment.stat().st_size)
        return sum(sizes)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)

    def _command(self, arguments: Sequence[str]) -> list[str]:
        return [self._java, "-Xmx512m", "-XX:+UseSerialGC", "-cp", f"{self._jars}/*", *arguments]

    def _run(self, arguments: Sequence[str]) -> None:
        done = subprocess.run(self._command(arguments), capture_output=True, timeout=60, cwd=self._folder, check=False)
        if done.returncode:
            raise RuntimeError(f"{arguments[0]} failed: {done.stderr.decode()[-2000:]}")


def find_java() -> str:
    """The path of a Java that can run Kafka; raises KafkaMissing."""
    java = shutil.which("java")
    if java is None:
        raise KafkaMissing("no java on the path, Java 17 or newer is needed")
    output = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False).stderr
    version = output.split('"')[1].split(".")[0] if '"' in output else "0"
    if int(version) < 17:
        raise KafkaMissing(f"java is version {version}, 17 or newer is needed")
    return java


def find_jars() -> Path:
    """The folder of Kafka's jars, fetched where Maven is there; raises KafkaMissing."""
    named = os.environ.get("TOCSIN_KAFKA_LIB")
    folder = Path(named) if named else CACHE
    if any(folder.glob("kafka_*.jar")):
        return folder
    maven = shutil.which("mvn")
    if named or maven is None:
        raise KafkaMissing(f"no Kafka jars in {folder}" + ("" if named else " and no mvn on the path to fetch them"))
    fetched = subprocess.run(
        [maven, "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies", f"-DoutputDirectory={folder}",
         "-DincludeScope=runtime"],
        capture_output=True, text=True, timeout=300, check=False,
    )
    if fetched.returncode or not any(folder.glob("kafka_*.jar")):
        raise KafkaMissing(f"Maven could not fetch Kafka: {(fetched.stdout + fetched.stderr)[-500:]}")
    return folder
