"""What holds for all tests."""

from __future__ import annotations

import signal

# Whoever runs the tests in the background may have had SIGINT ignored, and every program that a test starts would
# inherit that; then no Ctrl-C that a test presses would be heard.
signal.signal(signal.SIGINT, signal.default_int_handler)
