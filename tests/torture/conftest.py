"""The torture test can be chosen (``-m torture``) or left out (``-m "not torture"``)."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "torture: starts the real server and kills it, again and again")
