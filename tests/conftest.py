"""What holds for all tests."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

# Whoever runs the tests in the background may have had SIGINT ignored, and every program that a test starts would
# inherit that; then no Ctrl-C that a test presses would be heard.
signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says something about the machine and what else it does, and nothing about the example.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
