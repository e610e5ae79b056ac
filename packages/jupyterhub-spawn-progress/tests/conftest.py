"""What the tests of this package share."""

from hypothesis import HealthCheck, settings

# Machines are shared and noisy, so no test is about time.
settings.register_profile("without a clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("without a clock")
