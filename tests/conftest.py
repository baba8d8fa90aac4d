"""What all tests share: a bounded, reproducible search."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "neutrams", deadline=None, derandomize=True, max_examples=60, suppress_health_check=list(HealthCheck)
)
settings.load_profile("neutrams")
