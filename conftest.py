"""For all tests, those of the plugins included."""

from hypothesis import settings

settings.register_profile("penstock", deadline=None)  # machines are shared: how long an example takes says nothing
settings.load_profile("penstock")
