"""How fast a task moves records: over the last ten seconds, or since it started."""

from penstock_workers.rate import Rate


def test_a_task_that_has_just_started_is_as_fast_as_it_is() -> None:
    rate = Rate(now=100.0)
    assert rate.per_second(100.0) == 0
    rate.add(30, now=102.0)
    assert rate.per_second(102.0) == 15


def test_what_moved_long_ago_does_not_count() -> None:
    rate = Rate(now=0.0)
    for second in range(1, 61):
        rate.add(7, now=float(second))
    assert rate.per_second(60.0) == 7
    assert rate.per_second(65.0) == 3.5
    assert rate.per_second(70.0) == 0
    rate.add(1, now=3600.0)
    assert rate.per_second(3600.0) == 0.1
