"""A node that listens by every security protocol, with certificates of its own and two users."""

import ssl
import subprocess
from pathlib import Path

from tests.conftest import LogNode

PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
USERS = {"alice": "alice-secret", "bob, the 2nd": 'b"o\\b=, secret'}


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """A self-signed one for this machine: the files for a node, and for those who trust it."""
    keystore, truststore = directory / "node.pem", directory / "ca.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(directory / "key.pem"), "-out", str(truststore)),
        ],
        check=True,
        capture_output=True,
    )
    keystore.write_text((directory / "key.pem").read_text() + truststore.read_text())
    return keystore, truststore


class SecuredLog:
    """`options(protocol, mechanism)` are those of Kafka's clients for a connection to it."""

    def __init__(self, directory: Path, *settings: str) -> None:
        directory.mkdir(exist_ok=True)
        keystore, self.truststore = make_certificate(directory)
        users = directory / "users"
        users.write_text("".join(f"{name}={password}\n" for name, password in USERS.items()))
        all_settings = (
            "listeners=" + ",".join(f"{protocol}://127.0.0.1:0" for protocol in PROTOCOLS),
            "sasl.enabled.mechanisms=" + ",".join(MECHANISMS),
            f"ssl.keystore.location={keystore}",
            *settings,
        )
        arguments = [argument for setting in all_settings for argument in ("--set", setting)]
        self.node = LogNode(directory / "data", "--users", str(users), *arguments)

    def start(self) -> None:
        self.node.start()
        listeners = self.node.addresses["listeners"].split(",")
        self.addresses = dict(listener.split("://") for listener in listeners)

    def options(self, protocol: str, mechanism: str | None = None, user: str = "alice", **more: str) -> dict[str, str]:
        options = {"bootstrap.servers": self.addresses[protocol], "security.protocol": protocol}
        if protocol.endswith("SSL"):
            options["ssl.truststore.location"] = str(self.truststore)
        if protocol.startswith("SASL"):
            options |= {"sasl.mechanism": mechanism or "PLAIN", "sasl.username": user, "sasl.password": USERS[user]}
        return options | {key.replace("_", "."): value for key, value in more.items()}

    def client_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.truststore))
