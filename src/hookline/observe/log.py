"""Logs: what a person or a machine reads while the server runs. Secrets and signatures are struck out.

Notices of the hot path are logged at ``debug``; what needs a person at ``warning``.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import msgspec
import structlog

from hookline.core import notice
from hookline.core.notice import Notice, Notify
from hookline.observe.redaction import redact

_LEVELS: dict[type[Notice], int] = {
    notice.RequestRejected: logging.INFO,
    notice.EndpointPaused: logging.WARNING,
    notice.EndpointResumed: logging.INFO,
    notice.EndpointDisabled: logging.WARNING,
    notice.LeaseLost: logging.WARNING,
    notice.RetentionDone: logging.INFO,
    notice.ServiceFailed: logging.ERROR,
    notice.NodeDied: logging.WARNING,
    notice.NodeLost: logging.WARNING,
    notice.Started: logging.INFO,
    notice.Stopped: logging.INFO,
}

_WORDS = re.compile(r"(?<!^)(?=[A-Z])")


def set_up(log_format: str, level: str) -> None:
    """Send all logs, also those of libraries, through one pipeline to standard error."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    if log_format == "json":
        renderer: Any = structlog.processors.JSONRenderer()
    else:
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        cache_logger_on_first_use=False,
    )


def log_sink() -> Notify:
    """A sink that logs every notice at its level; what the level hides costs next to nothing."""
    logger = structlog.stdlib.get_logger("hookline")
    threshold = logging.getLogger().getEffectiveLevel()
    usual = (notice.EventAccepted, notice.EventDuplicate, notice.AttemptMade)
    hidden = frozenset(usual if threshold > logging.DEBUG else ())

    def sink(said: Notice) -> None:
        if type(said) in hidden and not _is_last_failure(said):
            return
        level = _level(said)
        if level >= threshold:
            logger.log(level, _name(said), **msgspec.structs.asdict(said))

    return sink


def _level(said: Notice) -> int:
    return logging.WARNING if _is_last_failure(said) else _LEVELS.get(type(said), logging.DEBUG)


def _is_last_failure(said: Notice) -> bool:
    return isinstance(said, notice.AttemptMade) and said.state == "dead"


def _name(said: Notice) -> str:
    return _WORDS.sub(" ", type(said).__name__).lower()
