"""`listeners` as people write it."""

import pytest

from penstock_log.errors import LogError
from penstock_log.security.listeners import Listener, SecurityProtocol, parse_listeners


def test_listeners_are_read_as_kafka_writes_them() -> None:
    assert parse_listeners("SASL_SSL://kafka-1.example.com:9093, plaintext://[::1]:0,SSL://:9094") == (
        Listener(SecurityProtocol.SASL_SSL, "kafka-1.example.com", 9093),
        Listener(SecurityProtocol.PLAINTEXT, "::1", 0),
        Listener(SecurityProtocol.SSL, "0.0.0.0", 9094),
    )
    assert parse_listeners("") == ()


@pytest.mark.parametrize("protocol", SecurityProtocol)
def test_a_listener_in_text_is_read_back(protocol: SecurityProtocol) -> None:
    for host in ("127.0.0.1", "::1"):
        listener = Listener(protocol, host, 9092)
        assert parse_listeners(str(listener)) == (listener,)


@pytest.mark.parametrize(
    "text",
    [
        "localhost:9092",
        "HTTP://localhost:80",
        "SSL://localhost",
        "SSL://localhost:99999",
        "SSL://a:1/b",
        "SSL://a:1,SSL://b:2",
    ],
)
def test_what_is_no_listener_is_named(text: str) -> None:
    with pytest.raises(LogError, match="invalid_config"):
        parse_listeners(text)
