"""Stripe, for the till of an invented bakery. Stripe indents its JSON, and the signature covers every space."""

from __future__ import annotations

from typing import Any

from hookline.cli.demo.payloads.webhook import Occasion, Webhook, indented


def payment_intent_succeeded(occasion: Occasion) -> Webhook:
    """A customer paid."""
    payment = {
        "id": f"pi_{occasion.hex('payment', 24)}",
        "object": "payment_intent",
        "amount": 2350,
        "amount_received": 2350,
        "currency": "eur",
        "status": "succeeded",
        "capture_method": "automatic",
        "confirmation_method": "automatic",
        "created": occasion.now_s - 4,
        "customer": f"cus_{occasion.hex('customer', 14)}",
        "description": "Two sourdough loaves and a box of almond croissants",
        "latest_charge": f"ch_{occasion.hex('charge', 24)}",
        "livemode": False,
        "metadata": {"counter": "morning", "order": f"LL-{occasion.number('order', 5)}"},
        "payment_method_types": ["card"],
        "receipt_email": "ilse.vandermeer@customers.example",
    }
    return _webhook("payment_intent.succeeded", occasion, payment)


def invoice_paid(occasion: Occasion) -> Webhook:
    """A café paid its monthly invoice."""
    invoice = {
        "id": f"in_{occasion.hex('invoice', 24)}",
        "object": "invoice",
        "account_name": "Lumen & Loaf (invented)",
        "amount_due": 48600,
        "amount_paid": 48600,
        "amount_remaining": 0,
        "billing_reason": "subscription_cycle",
        "collection_method": "charge_automatically",
        "created": occasion.now_s - 3600,
        "currency": "eur",
        "customer": f"cus_{occasion.hex('customer', 14)}",
        "customer_email": "accounts@cafe-pelikan.example",
        "customer_name": "Café Pelikan (invented)",
        "lines": {
            "object": "list",
            "data": [
                {
                    "id": f"il_{occasion.hex('line', 24)}",
                    "object": "line_item",
                    "amount": 48600,
                    "currency": "eur",
                    "description": "Bread, every morning",
                    "quantity": 1,
                }
            ],
            "has_more": False,
            "total_count": 1,
        },
        "livemode": False,
        "number": f"LUMEN-{occasion.number('invoice', 4)}",
        "paid": True,
        "status": "paid",
        "subtotal": 48600,
        "total": 48600,
    }
    return _webhook("invoice.paid", occasion, invoice)


def charge_refunded(occasion: Occasion) -> Webhook:
    """The croissants were burnt; the money went back."""
    charge = {
        "id": f"ch_{occasion.hex('charge', 24)}",
        "object": "charge",
        "amount": 1150,
        "amount_captured": 1150,
        "amount_refunded": 1150,
        "billing_details": {"email": "ilse.vandermeer@customers.example", "name": "Ilse van der Meer (invented)"},
        "captured": True,
        "created": occasion.now_s - 86_400,
        "currency": "eur",
        "description": "A box of almond croissants",
        "livemode": False,
        "paid": True,
        "payment_intent": f"pi_{occasion.hex('payment', 24)}",
        "refunded": True,
        "status": "succeeded",
    }
    return _webhook("charge.refunded", occasion, charge)


def _webhook(event_type: str, occasion: Occasion, subject: dict[str, Any]) -> Webhook:
    event_id = f"evt_{occasion.hex('event', 24)}"
    body = {
        "id": event_id,
        "object": "event",
        "api_version": "2026-03-25.demo",
        "created": occasion.now_s,
        "data": {"object": subject},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": event_type,
    }
    return Webhook("stripe", event_type, event_id, indented(body))
