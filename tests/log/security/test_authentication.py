"""The logins of one connection: their order, their end, and that a second one changes nobody."""

import pytest

from penstock_log.security.authentication import Authentication, Phase
from penstock_log.security.exchange import InvalidCredentials, Step


class Naming:
    """An exchange of one token: the name of the user."""

    def answer(self, token: bytes) -> Step:
        if not token:
            raise InvalidCredentials("nobody")
        return Step(b"welcome", token.decode())


def authentication(session_lifetime_ms: int = 0) -> Authentication:
    return Authentication({"NAMING": Naming, "OTHER": Naming}, session_lifetime_ms)


def log_in(subject: Authentication, user: bytes = b"ann", now_ms: int = 0) -> None:
    assert subject.agree("NAMING")
    subject.proceed(user, now_ms)


def test_a_login_counts_as_long_as_its_connection() -> None:
    subject = authentication()
    assert not subject.is_logged_in(0)
    log_in(subject)
    assert (subject.user, subject.session_lifetime_ms) == ("ann", 0)
    assert subject.is_logged_in(10**12)


def test_a_session_ends_unless_it_is_renewed() -> None:
    subject = authentication(session_lifetime_ms=1000)
    log_in(subject, now_ms=500)
    assert subject.session_lifetime_ms == 1000
    assert subject.is_logged_in(1499)
    assert not subject.is_logged_in(1500)
    log_in(subject, now_ms=2000)
    assert subject.is_logged_in(2999)


def test_while_a_login_is_renewed_nothing_else_is_answered() -> None:
    subject = authentication()
    log_in(subject)
    subject.agree("NAMING")
    assert not subject.is_logged_in(0)
    assert subject.session_lifetime_ms == 0


@pytest.mark.parametrize("token", [b"", b"bob"])
def test_a_refused_login_is_the_end(token: bytes) -> None:
    """Also that of another user than before."""
    subject = authentication()
    log_in(subject)
    subject.agree("NAMING")
    with pytest.raises(InvalidCredentials):
        subject.proceed(token, 0)
    assert subject.phase is Phase.FAILED
    assert not subject.is_logged_in(0)


def test_a_mechanism_that_is_not_enabled_or_not_the_one_before_is_refused() -> None:
    assert not authentication().agree("UNKNOWN")
    subject = authentication()
    log_in(subject)
    assert not subject.agree("OTHER")
    assert not subject.is_logged_in(0)
