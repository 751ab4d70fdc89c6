"""Shopify, for the shop of an invented printer of maps."""

from __future__ import annotations

from typing import Any

from hookline.cli.demo.payloads.webhook import Occasion, Webhook, compact


def orders_create(occasion: Occasion) -> Webhook:
    """Somebody ordered."""
    return _webhook("orders/create", occasion, _order(occasion, "pending"))


def orders_paid(occasion: Occasion) -> Webhook:
    """The order is paid."""
    return _webhook("orders/paid", occasion, _order(occasion, "paid"))


def _webhook(event_type: str, occasion: Occasion, body: dict[str, Any]) -> Webhook:
    return Webhook("shopify", event_type, occasion.guid("webhook"), compact(body))


def _order(occasion: Occasion, financial_status: str) -> dict[str, Any]:
    order_id = occasion.number("order", 13)
    return {
        "id": order_id,
        "admin_graphql_api_id": f"gid://shopify/Order/{order_id}",
        "confirmed": True,
        "contact_email": "henrike@travellers.example",
        "created_at": occasion.iso(ago_s=2),
        "currency": "EUR",
        "current_subtotal_price": "64.00",
        "current_total_price": "68.90",
        "customer": {
            "id": occasion.number("customer", 13),
            "email": "henrike@travellers.example",
            "first_name": "Henrike",
            "last_name": "Osei (invented)",
            "state": "disabled",
            "verified_email": True,
        },
        "email": "henrike@travellers.example",
        "financial_status": financial_status,
        "fulfillment_status": None,
        "line_items": [
            {
                "id": occasion.number("first line", 14),
                "fulfillable_quantity": 1,
                "name": "Map of the tidal islands, linen",
                "price": "48.00",
                "quantity": 1,
                "requires_shipping": True,
                "sku": "MAP-TIDE-LINEN",
                "title": "Map of the tidal islands",
                "vendor": "Kompass & Daughters (invented)",
            },
            {
                "id": occasion.number("second line", 14),
                "fulfillable_quantity": 2,
                "name": "Postcard, lighthouse",
                "price": "8.00",
                "quantity": 2,
                "requires_shipping": True,
                "sku": "CARD-LIGHT",
                "title": "Postcard",
                "vendor": "Kompass & Daughters (invented)",
            },
        ],
        "name": f"#{occasion.number('order name', 4)}",
        "note": "Please roll it, do not fold it.",
        "order_number": occasion.number("order name", 4),
        "processed_at": occasion.iso(ago_s=2),
        "shipping_address": {
            "address1": "Lange Gasse 0",
            "city": "Nirgendwo",
            "country": "Germany",
            "country_code": "DE",
            "zip": "00000",
        },
        "taxes_included": True,
        "test": True,
        "total_price": "68.90",
        "total_tax": "11.00",
    }
