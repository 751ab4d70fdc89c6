"""What ``hookline serve`` says to the person who started it."""

from __future__ import annotations

from collections import Counter
from importlib.metadata import version

from hookline.config.file import FileConfig
from hookline.config.setting_values import hide_credentials
from hookline.config.settings import Settings
from hookline.storage.apply import Change


def banner(settings: Settings, file: FileConfig | None, changes: list[Change], address: str) -> str:
    """The lines that say where everything is, and what is odd."""
    lines = [
        f"Hookline {version('hookline')} is up. Ctrl-C stops it.",
        f"  open      {address}/docs",
        f"  webhooks  {address}/webhooks/{_sources(file)}",
        f"  database  {hide_credentials(settings.database)}",
    ]
    if file is not None:
        lines.append(f"  applied   {file.path} ({_summary(changes)})")
    else:
        lines.append("  applied   nothing: there is no hookline.yaml here; `hookline init` writes one to start from")
    if extra := [change.name for change in changes if change.action == "extra"]:
        lines.append(f"Warning: stored, but not in {file.path if file else 'the file'}: {', '.join(extra)}")
        lines.append("         (`hookline apply --prune` removes them)")
    lines += [f"Warning: {warning}" for warning in settings.warnings]
    return "\n".join(lines) + "\n"


def _sources(file: FileConfig | None) -> str:
    names = [source.name for source in file.sources] if file is not None else []
    if not names:
        return "{source}"
    return names[0] if len(names) == 1 else f"{{{','.join(names)}}}"


def _summary(changes: list[Change]) -> str:
    counts = Counter(change.action for change in changes)
    return ", ".join(f"{count} {action}" for action, count in counts.items()) or "no sources in it"
