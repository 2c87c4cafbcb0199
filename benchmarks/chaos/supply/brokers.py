"""Real Kafka in processes that can be killed, stopped and started again: one node, or a controller and two brokers.

Each client has a listener of its own, `direct` or behind the proxy, so that the network of one client can be broken.
"""

from __future__ import annotations

import base64
import contextlib
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from benchmarks.chaos.supply.proxy import Proxy, Route
from tests.kafka.brokers import find_jars, find_java
from tests.ports import answers, free_ports

DIRECT = "direct"
START_WITHIN_S = 60.0
CONTROLLER = 100
"""The node id of a controller that is no broker."""
COMMON = """\
num.partitions=4
default.replication.factor={replicas}
offsets.topic.replication.factor={replicas}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor={replicas}
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000
replica.lag.time.max.ms=5000
leader.imbalance.check.interval.seconds=5
controller.listener.names=CONTROLLER
"""


class Node:
    """One Kafka process with its data in a folder. is_broken: to be held while it is down on purpose."""

    def __init__(self, name: str, folder: Path, log: Path, properties: str, port: int, cluster_id: str) -> None:
        self.name, self.folder = name, folder
        self._port = port
        self.is_broken = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._properties = folder / "server.properties"
        self._properties.write_text(f"{properties}log.dirs={folder}/logs\n")
        self._log = log
        format_it = ["kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(self._properties)]
        subprocess.run(_command(format_it), check=True, capture_output=True, timeout=60, cwd=folder)

    def start(self) -> None:
        """Start on the existing data; returns at once."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                _command(["kafka.Kafka", str(self._properties)]), stdout=output, stderr=output, cwd=self.folder,
                start_new_session=True,
            )

    def ready(self) -> None:
        """Wait until its port answers; raises RuntimeError."""
        deadline_s = time.monotonic() + START_WITHIN_S
        while not answers(self._port):
            if not self.is_alive() or time.monotonic() > deadline_s:
                raise RuntimeError(f"{self.name} did not start: {self._log.read_text()[-2000:]}")
            time.sleep(0.05)

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if it runs."""
        if self._process is not None:
            self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)


class Cluster:
    """Use as a context manager. clients: names that get a listener behind the proxy. brokers: one or two.

    folder: for the data, which may be lost with the run. logs: the folder for what the processes print.
    """

    def __init__(self, folder: Path, logs: Path, proxy: Proxy, clients: Sequence[str], brokers: int) -> None:
        self._folder, self._logs = folder, logs
        self._proxy = proxy
        self._clients = (DIRECT, *clients)
        self.replicas = brokers
        self._addresses: dict[str, list[str]] = {client: [] for client in self._clients}
        self.routes: dict[str, list[Route]] = {client: [] for client in self._clients}
        number = bytearray(uuid.uuid4().bytes)
        number[0] &= 0x7F  # the text must not begin with a dash: it would be read as an option
        self._cluster_id = base64.urlsafe_b64encode(number).rstrip(b"=").decode()
        self.brokers: list[Node] = []
        self._controllers: list[Node] = []

    def __enter__(self) -> Cluster:
        (controller,) = free_ports(1)
        if self.replicas == 1:
            self.brokers = [self._broker(1, controller, is_controller=True)]
        else:
            self._controllers = [self._controller(controller)]
            self.brokers = [self._broker(number, controller, False) for number in range(1, self.replicas + 1)]
        for node in (*self._controllers, *self.brokers):
            node.start()
        for node in self.brokers:
            node.ready()
        deadline_s = time.monotonic() + START_WITHIN_S
        while (joined := self._joined()) < len(self.brokers):
            if time.monotonic() > deadline_s:
                raise RuntimeError(f"{joined} of {len(self.brokers)} brokers joined the cluster")
            time.sleep(0.2)
        return self

    def _joined(self) -> int:
        """How many brokers the cluster has; 0 while none answers, as on a busy machine after it began to listen."""
        try:
            return len(AdminClient({"bootstrap.servers": self.address(DIRECT)}).list_topics(timeout=10).brokers)
        except KafkaException:
            return 0

    def __exit__(self, *_: object) -> None:
        for node in (*self.brokers, *self._controllers):
            with contextlib.suppress(ProcessLookupError):
                node.signal(signal.SIGCONT)
            node.kill()

    def address(self, client: str) -> str:
        """The bootstrap servers of a client."""
        return ",".join(self._addresses[client])

    def _controller(self, port: int) -> Node:
        properties = (
            f"process.roles=controller\nnode.id={CONTROLLER}\ncontroller.quorum.voters={CONTROLLER}@127.0.0.1:{port}\n"
            f"listeners=CONTROLLER://127.0.0.1:{port}\nlistener.security.protocol.map=CONTROLLER:PLAINTEXT\n"
            f"{COMMON.format(replicas=self.replicas)}"
        )
        return self._node("controller", properties, port)

    def _broker(self, number: int, controller: int, is_controller: bool) -> Node:
        free = free_ports(2 * len(self._clients) - 1)
        ports = dict(zip(self._clients, free, strict=False))
        advertised = dict(ports)
        for client, front in zip(self._clients[1:], free[len(self._clients) :], strict=True):
            self.routes[client].append(self._proxy.add(front, ports[client]))
            advertised[client] = front
        for client, port in advertised.items():
            self._addresses[client].append(f"127.0.0.1:{port}")
        quorum = f"{number if is_controller else CONTROLLER}@127.0.0.1:{controller}"
        own = f",CONTROLLER://127.0.0.1:{controller}" if is_controller else ""
        protocols = ",".join(f"{name}:PLAINTEXT" for name in ("CONTROLLER", *map(str.upper, self._clients)))
        properties = (
            f"process.roles=broker{',controller' if is_controller else ''}\nnode.id={number}\n"
            f"controller.quorum.voters={quorum}\nlisteners={_listeners(ports)}{own}\n"
            f"advertised.listeners={_listeners(advertised)}\ninter.broker.listener.name={DIRECT.upper()}\n"
            f"listener.security.protocol.map={protocols}\n{COMMON.format(replicas=self.replicas)}"
        )
        return self._node(broker_name(number), properties, ports[DIRECT])

    def _node(self, name: str, properties: str, port: int) -> Node:
        return Node(name, self._folder / name, self._logs / f"{name}.log", properties, port, self._cluster_id)


def broker_name(number: int) -> str:
    """The name of a broker, and of its folder in that of the cluster."""
    return f"broker{number}"


def _listeners(ports: Mapping[str, int]) -> str:
    return ",".join(f"{client.upper()}://127.0.0.1:{port}" for client, port in ports.items())


def _command(arguments: Sequence[str]) -> list[str]:
    return [find_java(), "-Xmx512m", "-XX:+UseSerialGC", "-cp", f"{find_jars()}/*", *arguments]
