"""How the log is reached: where it is, how connections are secured, and as whom. All Kafka clients here connect by it.

The options have the names that Kafka's own clients give them, so a `client.properties` can be used as it is.
"""

from __future__ import annotations

import logging
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

from penstock import BadConfiguration, Config, option

SECURITY_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
SASL_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_GROUP = "Log"
_LOGIN_MODULE = re.compile(r"\s*[\w.]*\b(?:Plain|Scram)LoginModule\s+required\b(?P<options>.*);\s*", re.DOTALL)
_LOGIN_OPTION = re.compile(r"""(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s"';]+))""", re.DOTALL)


class _WithoutLogins(logging.Filter):
    """At DEBUG, which people may set while a worker runs, aiokafka logs each request, that with the password too."""

    def filter(self, record: logging.LogRecord) -> bool:
        arguments = record.args if isinstance(record.args, tuple) else ()
        return not any(type(argument).__name__.startswith("SaslAuthenticateRequest") for argument in arguments)


logging.getLogger("aiokafka.conn").addFilter(_WithoutLogins())


class LogConnection(Config):
    """Where the log is, and how to connect to it."""

    bootstrap_servers: str = option(
        "Where the log is: host:port pairs, comma-separated.",
        default="127.0.0.1:9092",
        pattern=r"[^\s,]",
        importance="high",
        group=_GROUP,
    )
    security_protocol: str = option(
        "Whether connections to the log are encrypted (SSL) and begin with a login (SASL).",
        default="PLAINTEXT",
        choices=SECURITY_PROTOCOLS,
        group=_GROUP,
    )
    sasl_mechanism: str | None = option(
        "How to log in. SCRAM sends no password.", default=None, choices=SASL_MECHANISMS, group=_GROUP
    )
    sasl_username: str | None = option("Whom to log in as.", default=None, group=_GROUP)
    sasl_password: str | None = option("The password of sasl.username.", default=None, secret=True, group=_GROUP)
    sasl_jaas_config: str | None = option(
        "Instead of sasl.username and sasl.password, as Kafka's files have it:"
        ' org.apache.kafka.common.security.scram.ScramLoginModule required username="…" password="…";',
        default=None,
        secret=True,
        group=_GROUP,
    )
    ssl_truststore_location: str | None = option(
        "PEM file of the certificates by which the log is trusted. Default: those that the system trusts.",
        default=None,
        group=_GROUP,
    )
    ssl_truststore_type: str = option(
        "Format of the truststore.", default="PEM", choices=("PEM",), importance="low", group=_GROUP
    )
    ssl_keystore_location: str | None = option(
        "PEM file of this client's private key and its certificates, where the log asks for one.",
        default=None,
        group=_GROUP,
    )
    ssl_keystore_type: str = option(
        "Format of the keystore.", default="PEM", choices=("PEM",), importance="low", group=_GROUP
    )
    ssl_key_password: str | None = option(
        "The password of the private key, where it is encrypted.", default=None, secret=True, group=_GROUP
    )
    ssl_endpoint_identification_algorithm: str = option(
        "https: the log's certificate must name the host that is connected to. Empty: it need not.",
        default="https",
        choices=("https", ""),
        importance="low",
        group=_GROUP,
    )

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Self:
        """From a file that has other options too, as a `client.properties` has. Raises BadConfiguration."""
        known = cls.json_schema()["properties"]
        return cls.parse({key: value for key, value in options.items() if key in known})

    def aiokafka_options(self) -> dict[str, Any]:
        """What each aiokafka client takes as keywords. Raises BadConfiguration; reads the certificates anew, so that
        renewed ones are taken up."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "security_protocol": self.security_protocol,
        }
        if self.security_protocol.endswith("SSL"):
            options["ssl_context"] = self._ssl_context()
        if self.security_protocol.startswith("SASL"):
            username, password = self._login()
            options["sasl_mechanism"] = self._required(self.sasl_mechanism, "sasl.mechanism")
            options["sasl_plain_username"] = username
            options["sasl_plain_password"] = password
        return options

    def _login(self) -> tuple[str, str]:
        if self.sasl_jaas_config is not None:
            return _parse_jaas(self.sasl_jaas_config)
        username = self._required(self.sasl_username, "sasl.username")
        return username, self._required(self.sasl_password, "sasl.password")

    def _required(self, value: str | None, key: str) -> str:
        if value is None:
            raise BadConfiguration(
                f"is needed for security.protocol={self.security_protocol}", where=key, hint=f"set {key}"
            )
        return value

    def _ssl_context(self) -> ssl.SSLContext:
        with _reading("ssl.truststore.location", self.ssl_truststore_location):
            context = ssl.create_default_context(cafile=self.ssl_truststore_location)
        context.check_hostname = bool(self.ssl_endpoint_identification_algorithm)
        if self.ssl_keystore_location:
            with _reading("ssl.keystore.location", self.ssl_keystore_location):
                # Without any password, OpenSSL would ask for it on the terminal.
                context.load_cert_chain(self.ssl_keystore_location, password=self.ssl_key_password or "")
        return context


@contextmanager
def _reading(key: str, path: str | None) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise BadConfiguration(
            f"cannot be used: {error}",
            where=f"{key} {path}",
            hint="name a readable PEM file; `keytool` and `openssl pkcs12` convert Java's stores",
        ) from error


def _parse_jaas(text: str) -> tuple[str, str]:
    module = _LOGIN_MODULE.fullmatch(text)
    found = dict[str, str]()
    for name, *values in _LOGIN_OPTION.findall(module["options"] if module else ""):
        found[name] = re.sub(r"\\(.)", r"\1", next(filter(None, values), ""))
    if module is None or not {"username", "password"} <= found.keys():
        raise BadConfiguration(
            "names no PlainLoginModule or ScramLoginModule with username and password",  # never the text: it is secret
            where="sasl.jaas.config",
            hint='write org.apache.kafka.common.security.scram.ScramLoginModule required username="…" password="…";',
        )
    return found["username"], found["password"]
