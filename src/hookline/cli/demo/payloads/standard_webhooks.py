"""A sender that follows Standard Webhooks: an invented ferry company that sells tickets."""

from __future__ import annotations

from typing import Any

from hookline.cli.demo.payloads.webhook import Occasion, Webhook, compact


def order_created(occasion: Occasion) -> Webhook:
    """Two tickets were sold."""
    data = {
        "order": f"FERRY-{occasion.number('order', 6)}",
        "passenger": "Anouk Brandt (invented)",
        "crossing": _crossing(occasion, in_s=86_400),
        "tickets": 2,
        "bicycles": 1,
        "price": {"amount": "31.50", "currency": "EUR"},
    }
    return _webhook("order.created", occasion, data)


def crossing_cancelled(occasion: Occasion) -> Webhook:
    """Too much wind."""
    data = {
        "crossing": _crossing(occasion, in_s=7_200),
        "reason": "wind, 9 Beaufort",
        "passengers": occasion.number("passengers", 2),
        "next": occasion.iso(ago_s=-21_600),
    }
    return _webhook("crossing.cancelled", occasion, data)


def _crossing(occasion: Occasion, *, in_s: int) -> dict[str, Any]:
    departs = occasion.iso(ago_s=-in_s)
    return {"id": f"crossing_{occasion.hex('crossing', 24)}", "from": "Nordkai", "to": "Sandholm", "departs": departs}


def _webhook(event_type: str, occasion: Occasion, data: dict[str, Any]) -> Webhook:
    body = {"type": event_type, "timestamp": occasion.iso(), "data": data}
    return Webhook("standard_webhooks", event_type, f"msg_{occasion.hex('message', 24)}", compact(body))
