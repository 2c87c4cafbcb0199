"""An Apache Kafka with a second listener that wants TLS and SASL/SCRAM, and that allows what its ACLs allow.

The first listener stays open to tests, as a super user: it stands for the administrator of the cluster.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.kafka.brokers import KafkaMissing, RealKafka, skip_without
from tests.ports import free_ports

PASSWORD = "a password of a test"
SECURED = """
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller},SECURED://127.0.0.1:SECURED_PORT
advertised.listeners=PLAINTEXT://127.0.0.1:{port},SECURED://127.0.0.1:SECURED_PORT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURED:SASL_SSL
listener.name.secured.sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secured.scram-sha-512.sasl.jaas.config=\\
  org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secured.ssl.keystore.type=PEM
listener.name.secured.ssl.keystore.location={data}/broker.pem
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
auto.create.topics.enable=false
"""
_RESOURCES = {
    "topic": ResourceType.TOPIC, "group": ResourceType.GROUP, "transactional_id": ResourceType.TRANSACTIONAL_ID,
}


@dataclass(frozen=True, slots=True)
class Grant:
    """What a principal may do with one resource. prefixed: with all whose names begin so."""

    resource: str
    name: str
    operations: tuple[str, ...]
    prefixed: bool = False


class SecuredKafka:
    """The broker. users: who can log in, with `PASSWORD`. Raises `KafkaMissing`."""

    def __init__(self, folder: Path, users: Iterable[str]) -> None:
        self.cafile = folder / "ca.pem"
        write_certificate(folder / "broker.pem", self.cafile)
        (secured,) = free_ports(1)
        scram = [f"--add-scram=SCRAM-SHA-512=[name={user},password={PASSWORD}]" for user in users]
        self._kafka = RealKafka(folder, SECURED.replace("SECURED_PORT", str(secured)), scram)
        self.open_address, self.address = self._kafka.address, f"127.0.0.1:{secured}"

    def stop(self) -> None:
        """End it."""
        self._kafka.stop()

    def allow(self, user: str, grants: Iterable[Grant]) -> None:
        """Add ACLs."""
        admin = AdminClient({"bootstrap.servers": self.open_address})
        bindings = [
            AclBinding(
                _RESOURCES[grant.resource], grant.name,
                ResourcePatternType.PREFIXED if grant.prefixed else ResourcePatternType.LITERAL, f"User:{user}", "*",
                AclOperation[operation.upper()], AclPermissionType.ALLOW,
            )
            for grant in grants for operation in grant.operations
        ]
        for future in admin.create_acls(bindings).values():
            future.result(10.0)

    def section(self, user: str) -> Mapping[str, object]:
        """The section `kafka.security` of a user."""
        sasl = {"mechanism": "SCRAM-SHA-512", "username": user, "password": PASSWORD}
        return {"tls": True, "cafile": str(self.cafile), "sasl": sasl}


def write_certificate(broker: Path, authority: Path) -> None:
    """A certificate of 127.0.0.1 that signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a broker of a test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(Encoding.PEM)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    authority.write_bytes(public)
    broker.write_bytes(private + public)


def secured_kafka(folder: Path, users: Iterable[str]) -> Iterator[SecuredKafka]:
    """One that runs until the iteration goes on; the test is skipped where it cannot run here."""
    try:
        broker = SecuredKafka(folder, users)
    except KafkaMissing as error:
        skip_without(error)
    yield broker
    broker.stop()
