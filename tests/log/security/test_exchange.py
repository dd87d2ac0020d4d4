"""The exchanges of PLAIN and SCRAM: the RFC's own example, and that nothing else is let in."""

import base64
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_log.security.credentials import Credentials
from penstock_log.security.exchange import Exchange, InvalidCredentials, PlainExchange, ScramExchange
from penstock_log.security.scram import ScramCredential, ScramMechanism, salted_password

# RFC 7677, section 3.
CLIENT_FIRST = b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
SERVER_FIRST = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
WITHOUT_PROOF = b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
PROOF = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
SERVER_FINAL = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def credential(password: str, mechanism: ScramMechanism = ScramMechanism.SHA_256) -> ScramCredential:
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    return ScramCredential.of(mechanism, salted_password(mechanism, password, salt, 4096), salt, 4096)


USER = credential("pencil")


def scram() -> ScramExchange:
    return ScramExchange(ScramMechanism.SHA_256, lambda name, mechanism: USER, SERVER_NONCE)


def final(proof: bytes) -> bytes:
    return WITHOUT_PROOF + b",p=" + base64.b64encode(proof)


def test_the_example_of_the_rfc() -> None:
    exchange = scram()
    assert exchange.answer(CLIENT_FIRST) == (SERVER_FIRST, None)
    assert exchange.answer(final(PROOF)) == (SERVER_FINAL, "user")


@given(st.integers(0, len(PROOF) * 8 - 1))
def test_a_proof_with_one_wrong_bit_is_none(bit: int) -> None:
    exchange = scram()
    exchange.answer(CLIENT_FIRST)
    wrong = bytearray(PROOF)
    wrong[bit // 8] ^= 1 << bit % 8
    with pytest.raises(InvalidCredentials, match="another password"):
        exchange.answer(final(bytes(wrong)))


@pytest.mark.parametrize(
    "token",
    [
        WITHOUT_PROOF,
        b"c=eSws" + WITHOUT_PROOF[6:] + b",p=" + base64.b64encode(PROOF),  # y,, instead of n,,
        WITHOUT_PROOF.replace(b"r=", b"r=r") + b",p=" + base64.b64encode(PROOF),
        WITHOUT_PROOF + b",p=" + base64.b64encode(b""),
        WITHOUT_PROOF + b",p=not base64",
        final(PROOF) + b"\xff",
    ],
)
def test_a_final_message_that_does_not_fit_is_refused(token: bytes) -> None:
    exchange = scram()
    exchange.answer(CLIENT_FIRST)
    with pytest.raises(InvalidCredentials):
        exchange.answer(token)


@pytest.mark.parametrize(
    "token",
    [
        b"",
        b"n,,n=user",
        b"p=tls-unique,,n=user,r=abc",
        b"n,,m=extension,n=user,r=abc",
        b"n,,n=user,r=abc,tokenauth=true",
        b"n,,n=,r=abc",
        b"\xff",
    ],
)
def test_a_first_message_that_is_none_is_refused(token: bytes) -> None:
    with pytest.raises(InvalidCredentials):
        scram().answer(token)


def test_nobody_acts_as_another() -> None:
    exchange = ScramExchange(ScramMechanism.SHA_256, lambda name, mechanism: USER, "s")
    server_first = exchange.answer(b"n,a=admin,n=user,r=c").token.decode()
    without_proof = f"c={base64.b64encode(b'n,a=admin,').decode()},r=cs"
    message = f"n=user,r=c,{server_first},{without_proof}".encode()
    with pytest.raises(InvalidCredentials, match="act as"):
        exchange.answer(f"{without_proof},p={base64.b64encode(proof('pencil', message)).decode()}".encode())


def proof(password: str, auth_message: bytes) -> bytes:
    mechanism = ScramMechanism.SHA_256
    client_key = mechanism.hmac(salted_password(mechanism, password, USER.salt, 4096), b"Client Key")
    signature = mechanism.hmac(mechanism.hash(client_key), auth_message)
    return bytes(a ^ b for a, b in zip(client_key, signature, strict=True))


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1))
def test_plain_takes_the_password_and_no_other(password: str) -> None:
    plain = PlainExchange(lambda name: (ScramMechanism.SHA_256, USER))
    token = b"\0user\0" + password.encode()
    if password == "pencil":
        assert plain.answer(token).user == "user"
    else:
        with pytest.raises(InvalidCredentials):
            plain.answer(token)


@pytest.mark.parametrize("token", [b"", b"user\0pencil", b"\0user\0pencil\0", b"\0\0pencil", b"\0user\0", b"\0\xff\0x"])
def test_a_plain_token_that_is_none_is_refused(token: bytes) -> None:
    with pytest.raises(InvalidCredentials):
        PlainExchange(lambda name: (ScramMechanism.SHA_256, USER)).answer(token)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_who_does_not_exist_is_answered_as_who_does(mechanism: str) -> None:
    """The same salt again and again, the usual number of iterations, and a refusal at the last step."""
    credentials = Credentials({"user": {"SCRAM-SHA-256": USER}})
    new = credentials.exchanges([mechanism])[mechanism]
    salts = {server_first(new, b"n,,n=nobody,r=c").split(b",s=")[1] for _ in range(3)}
    assert len(salts) == 1
    (salt,) = salts
    assert salt.endswith(b",i=4096")
    assert salt != server_first(new, b"n,,n=noone,r=c").split(b",s=")[1]


def server_first(new: Callable[[], Exchange], client_first: bytes) -> bytes:
    return new().answer(client_first).token


def test_plain_is_compared_with_whatever_credential_the_user_has() -> None:
    own = credential("pencil", ScramMechanism.SHA_512)
    new = Credentials({"user": {"SCRAM-SHA-512": own}}).exchanges(["PLAIN"])["PLAIN"]
    assert new().answer(b"user\0user\0pencil").user == "user"
    for token in (b"\0user\0pencil ", b"\0nobody\0pencil", b"other\0user\0pencil"):
        with pytest.raises(InvalidCredentials):
            new().answer(token)


def test_credentials_do_not_show_in_text() -> None:
    assert str(USER.stored_key) not in f"{USER!r} {USER}"
    assert "hidden" in repr(USER)
