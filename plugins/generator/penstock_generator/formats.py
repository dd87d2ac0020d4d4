"""What the records look like: pools of templates, rendered once, into which each record's time and number go.

Pure: record n of a format and a seed is always the same bytes, which is how a source resumes exactly and how a
reader proves that none is missing: each record bears its number.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

POOL_SIZE = 1021
"""Templates in a pool. Prime, so that no period of the numbers meets the same template again and again."""

NUMBER = re.compile(rb'(?:request=|"number":)(\d+)')
"""Finds a record's number in any of the formats."""

AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "curl/8.14.1",
    "kube-probe/1.33",
)
PATHS = ("/", "/search", "/products/{}", "/cart", "/api/v1/orders/{}", "/static/app.{}.js", "/login")
METHODS = ("GET", "GET", "GET", "GET", "POST", "PUT")
STATUSES = (200, 200, 200, 200, 200, 200, 301, 304, 404, 500)
MESSAGES = (
    ("INFO", "checkout", "order {} placed"),
    ("INFO", "payment", "payment {} authorised"),
    ("INFO", "inventory", "reserved 3 items for order {}"),
    ("DEBUG", "session", "session {} renewed"),
    ("WARNING", "payment", "card processor slow, attempt 2 for payment {}"),
    ("ERROR", "inventory", "stock service did not answer within 500 ms for item {}"),
)


def access_template(randomness: random.Random) -> str:
    """One line of the combined log format of Apache and nginx."""
    address = ".".join(str(randomness.randrange(1, 255)) for _ in range(4))
    user = randomness.choice(("-", "-", "-", "alice", "bob"))
    path = randomness.choice(PATHS).format(randomness.randrange(1, 100_000))
    request = f"{randomness.choice(METHODS)} {path}?request=%d HTTP/1.1"
    size = randomness.randrange(120, 48_000)
    return f'{address} - {user} [%s] "{request}" {randomness.choice(STATUSES)} {size} "-" "{randomness.choice(AGENTS)}"'


def json_template(randomness: random.Random) -> str:
    """One line of a service that logs JSON."""
    level, logger, message = randomness.choice(MESSAGES)
    return (
        f'{{"time":"%s","number":%d,"level":"{level}","logger":"shop.{logger}",'
        f'"message":"{message.format(randomness.randrange(1000, 999_999))}",'
        f'"duration_ms":{randomness.randrange(1, 900)},"trace_id":"{randomness.getrandbits(64):016x}"}}'
    )


TEMPLATES: dict[str, tuple[Callable[[random.Random], str], str]] = {
    "access": (access_template, "%d/%b/%Y:%H:%M:%S +0000"),
    "json": (json_template, "%Y-%m-%dT%H:%M:%SZ"),
}

RECORDS_PER_SECOND_OF_TIME = 1000
START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())


class Format:
    """Renders the records of one format and seed, by their numbers."""

    def __init__(self, name: str, seed: int = 0) -> None:
        template, self._time_format = TEMPLATES[name]
        randomness = random.Random(f"{name}/{seed}")
        self._pool = [template(randomness).encode() for _ in range(POOL_SIZE)]

    def records(self, first: int, count: int) -> list[bytes]:
        """Records `first` to `first + count - 1`, on a clock of their own: a thousand for each second."""
        values: list[bytes] = []
        while count > 0:
            second, past = divmod(first, RECORDS_PER_SECOND_OF_TIME)
            take = min(count, RECORDS_PER_SECOND_OF_TIME - past)
            values += self.records_at(START + second, first, take)
            first, count = first + take, count - take
        return values

    def records_at(self, seconds: float, first: int, count: int) -> list[bytes]:
        """The same records, but all at one time of the reader's choosing, in seconds since 1970."""
        time = datetime.fromtimestamp(seconds, UTC).strftime(self._time_format).encode()
        return [
            template % (time, number)
            for number, template in enumerate(_cycle(self._pool, first % POOL_SIZE, count), start=first)
        ]


def _cycle(pool: Sequence[bytes], start: int, count: int) -> list[bytes]:
    """`count` items of the pool from `start` on, around its end as often as it takes."""
    turns = (start + count + len(pool) - 1) // len(pool)
    return (list(pool) * turns)[start : start + count]
