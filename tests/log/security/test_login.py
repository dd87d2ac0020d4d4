"""What a node answers before, during and after a login, byte by byte as Apache Kafka 4.3 answers it."""

import base64
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.log.conftest import RawClient
from tests.secured_log import MECHANISMS, SecuredLog

METADATA, SASL_HANDSHAKE, API_VERSIONS, SASL_AUTHENTICATE = 3, 17, 18, 36
NO_TOPICS = struct.pack(">i", 0)
GOOD, BAD = b"\0alice\0alice-secret", b"\0alice\0other"
UNSUPPORTED_MECHANISM, ILLEGAL_STATE, AUTHENTICATION_FAILED = 33, 34, 58


def text(value: str) -> bytes:
    return struct.pack(">h", len(value)) + value.encode()


def token(value: bytes) -> bytes:
    return struct.pack(">i", len(value)) + value


class LoginClient(RawClient):
    """Answers are error codes; what comes behind them is in `rest`."""

    def ask(self, api_key: int, version: int, body: bytes) -> int:
        self.send(api_key, version, 1, body)
        _, answer = self.receive()
        self.rest = answer[2:]
        return int(struct.unpack(">h", answer[:2])[0])

    def shake_hands(self, mechanism: str, version: int = 1) -> int:
        return self.ask(SASL_HANDSHAKE, version, text(mechanism))

    def authenticate(self, value: bytes, version: int = 0) -> int:
        return self.ask(SASL_AUTHENTICATE, version, token(value))

    def is_served(self) -> bool:
        self.send(METADATA, 1, 9, NO_TOPICS)
        return self.receive()[0] == 9


@pytest.fixture
def client(secured_log: SecuredLog) -> Iterator[LoginClient]:
    with LoginClient(secured_log.addresses["SASL_PLAINTEXT"]) as connected:
        yield connected


@pytest.mark.parametrize("version", [0, 1])
def test_a_login_and_what_may_come_before_it(client: LoginClient, version: int) -> None:
    assert client.ask(API_VERSIONS, 0, b"") == 0
    assert client.shake_hands("PLAIN") == 0
    offered = struct.pack(">i", 3) + b"".join(map(text, MECHANISMS))
    assert client.rest == offered
    assert client.authenticate(GOOD, version) == 0
    assert client.rest == text("") + token(b"") + (struct.pack(">q", 0) if version else b"")
    assert client.is_served()


def test_a_login_by_bare_tokens(client: LoginClient) -> None:
    assert client.shake_hands("PLAIN", version=0) == 0
    client.socket.sendall(token(GOOD))
    assert client.read(4) == struct.pack(">i", 0)
    assert client.is_served()


def test_requests_sent_behind_a_login_without_waiting_are_answered_after_it(client: LoginClient) -> None:
    client.send(SASL_HANDSHAKE, 1, 1, text("PLAIN"))
    client.send(SASL_AUTHENTICATE, 0, 2, token(GOOD))
    client.send(METADATA, 1, 3, NO_TOPICS)
    assert [client.receive()[0] for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("mechanism", "wrong"),
    [
        ("PLAIN", BAD),
        ("PLAIN", b"\0nobody\0alice-secret"),
        ("PLAIN", b"bob" + GOOD),
        ("PLAIN", b""),
        ("SCRAM-SHA-256", b"junk"),
    ],
)
def test_every_refused_login_is_told_the_same_and_is_the_last(
    client: LoginClient, mechanism: str, wrong: bytes
) -> None:
    client.shake_hands(mechanism)
    assert client.authenticate(wrong) == AUTHENTICATION_FAILED
    words = f"Authentication failed during authentication due to invalid credentials with SASL mechanism {mechanism}"
    assert client.rest == text(words) + token(b"")
    assert client.is_closed_by_the_node()


def test_a_refused_bare_token_closes_the_connection(client: LoginClient) -> None:
    client.shake_hands("PLAIN", version=0)
    client.socket.sendall(token(BAD))
    assert client.is_closed_by_the_node()


@pytest.mark.parametrize("user", ["alice", "nobody"])
def test_scram_refuses_at_its_last_step_whether_the_user_exists_or_not(client: LoginClient, user: str) -> None:
    client.shake_hands("SCRAM-SHA-512")
    assert client.authenticate(f"n,,n={user},r=mine".encode()) == 0
    nonce = client.rest.split(b"r=")[1].split(b",")[0]
    proof = base64.b64encode(bytes(64))
    assert client.authenticate(b"c=biws,r=" + nonce + b",p=" + proof) == AUTHENTICATION_FAILED
    assert client.is_closed_by_the_node()


def test_an_unknown_mechanism_is_answered_with_those_there_are(client: LoginClient) -> None:
    assert client.shake_hands("GSSAPI") == UNSUPPORTED_MECHANISM
    assert b"SCRAM-SHA-256" in client.rest
    assert client.is_closed_by_the_node()


@pytest.mark.parametrize(
    "frames",
    [
        [(METADATA, 1, NO_TOPICS)],
        [(API_VERSIONS, 0, b""), (METADATA, 1, NO_TOPICS)],
        [(SASL_AUTHENTICATE, 0, token(GOOD))],
        [(SASL_HANDSHAKE, 1, text("PLAIN")), (METADATA, 1, NO_TOPICS)],
        [(SASL_HANDSHAKE, 1, text("PLAIN")), (SASL_HANDSHAKE, 1, text("PLAIN"))],
        [(SASL_HANDSHAKE, 9, text("PLAIN"))],
        [(SASL_HANDSHAKE, 1, text("PLAIN")), (SASL_AUTHENTICATE, 9, token(GOOD))],
        [(SASL_HANDSHAKE, 1, b"\x7f\xff")],
    ],
)
def test_whatever_else_comes_without_a_login_closes_the_connection(
    client: LoginClient, frames: list[tuple[int, int, bytes]]
) -> None:
    *answered, last = frames
    for api_key, version, body in answered:
        client.ask(api_key, version, body)
    client.send(last[0], last[1], 1, last[2])
    assert client.is_closed_by_the_node()


def test_a_frame_before_the_login_is_small(client: LoginClient) -> None:
    client.socket.sendall(struct.pack(">i", 512 * 1024 + 1))
    assert client.is_closed_by_the_node()


def test_a_login_is_renewed_by_the_same_user_only(client: LoginClient, secured_log: SecuredLog) -> None:
    client.shake_hands("PLAIN")
    client.authenticate(GOOD)
    assert client.authenticate(GOOD) == ILLEGAL_STATE  # no exchange is under way
    assert client.shake_hands("PLAIN") == 0
    assert client.authenticate(GOOD) == 0
    assert client.is_served()
    client.shake_hands("PLAIN")
    assert client.authenticate(b'\0bob, the 2nd\0b"o\\b=, secret') == AUTHENTICATION_FAILED
    assert client.is_closed_by_the_node()
    assert "logs in again as" in secured_log.node.log_lines()


def be_served_for_ever(client: LoginClient) -> None:
    while client.is_served():
        pass


def test_a_session_that_is_not_renewed_ends(tmp_path: Path) -> None:
    log = SecuredLog(tmp_path / "log", "connections.max.reauth.ms=300")
    log.start()
    try:
        with LoginClient(log.addresses["SASL_PLAINTEXT"]) as client:
            client.shake_hands("PLAIN")
            client.authenticate(GOOD, version=1)
            assert client.rest.endswith(struct.pack(">q", 300))
            with pytest.raises((AssertionError, ConnectionError)):  # the node closes the connection
                be_served_for_ever(client)
    finally:
        log.node.stop()


def test_where_no_login_is_asked_for_none_is_possible(secured_log: SecuredLog) -> None:
    with LoginClient(secured_log.addresses["PLAINTEXT"]) as client:
        assert client.shake_hands("PLAIN") == ILLEGAL_STATE
        assert client.authenticate(GOOD) == ILLEGAL_STATE
        assert client.is_served()


def test_no_password_gets_into_the_log(secured_log: SecuredLog) -> None:
    with LoginClient(secured_log.addresses["SASL_PLAINTEXT"]) as client:
        client.shake_hands("PLAIN")
        client.authenticate(b"\0alice\0guessed-password")
        assert client.is_closed_by_the_node()
    lines = secured_log.node.log_lines()
    assert "user 'alice' does not exist, or has another password" in lines
    assert "guessed-password" not in lines
    assert "alice-secret" not in lines


def test_plain_bytes_do_not_disturb_a_listener_of_tls(secured_log: SecuredLog) -> None:
    with RawClient(secured_log.addresses["SSL"]) as plain:
        plain.socket.sendall(b"\0\0\0\x0a" * 100)
        assert plain.is_closed_by_the_node()
    assert secured_log.node.is_running()
