"""One heap for the deadlines of all groups, against the obvious: look at every group at every moment."""

from hypothesis import given
from hypothesis import strategies as st

from penstock_log.coordination.deadlines import Deadlines

names = st.sampled_from(["a", "b", "c"])
steps = st.lists(st.tuples(names, st.integers(0, 60), st.booleans()), max_size=60)


@given(steps)
def test_each_comes_up_at_its_time_and_never_before(steps: list[tuple[str, int, bool]]) -> None:
    """A deadline that moves to earlier is announced, one that moves to later need not be."""
    deadlines, real = Deadlines(), dict[str, int]()
    for now_ms, (name, deadline_ms, announce_later) in enumerate(steps):
        due = deadlines.due(now_ms, real.get)
        assert set(due) == {each for each, at_ms in real.items() if at_ms <= now_ms}
        for each in due:
            del real[each]
        if announce_later or deadline_ms < real.get(name, deadline_ms + 1):
            deadlines.schedule(name, deadline_ms)
        real[name] = deadline_ms
        soonest = deadlines.next_ms()
        assert soonest is not None
        assert soonest <= min(real.values()), "a timer set to the soonest misses nothing"
