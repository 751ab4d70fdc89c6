"""What the demo sends, and how each of it should end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from hookline.cli.demo.payloads import github, shopify, slack, standard_webhooks, stripe
from hookline.cli.demo.payloads.webhook import Occasion, Webhook


class Ending(StrEnum):
    """How the story of a webhook should end."""

    DELIVERED = "delivered"  #: accepted, and delivered at the first try
    ANSWERED = "answered"  #: a handshake: answered, nothing stored
    TAMPERED = "tampered"  #: changed after it was signed: refused
    STALE = "stale"  #: signed too long ago: refused
    DUPLICATE = "duplicate"  #: sent twice: one event, one delivery
    RETRIED = "retried"  #: its receiver fails twice: delivered at the third try
    REVIVED = "revived"  #: its receiver never answers: dead, then replayed to success


@dataclass(frozen=True, slots=True)
class Act:
    """One webhook of the demo. ``source`` is where it is sent, ``path`` where its endpoint is at the receiver."""

    key: str
    source: str
    path: str
    ending: Ending
    make: Callable[[Occasion], Webhook]


#: In the order in which they are sent. Those that take long come early, so that all end at about the same time.
PROGRAMME = (
    Act(
        "standard-webhooks-revived",
        "standard-webhooks",
        "/timetable",
        Ending.REVIVED,
        standard_webhooks.crossing_cancelled,
    ),
    Act("stripe-retried", "stripe", "/ledger", Ending.RETRIED, stripe.charge_refunded),
    Act("github-push", "github", "/build", Ending.DELIVERED, github.push),
    Act("github-pull-request", "github", "/build", Ending.DELIVERED, github.pull_request_opened),
    Act("github-tampered", "github", "/build", Ending.TAMPERED, github.issues_opened),
    Act("stripe-payment", "stripe", "/till", Ending.DELIVERED, stripe.payment_intent_succeeded),
    Act("stripe-invoice", "stripe", "/till", Ending.DELIVERED, stripe.invoice_paid),
    Act("stripe-stale", "stripe", "/till", Ending.STALE, stripe.payment_intent_succeeded),
    Act("shopify-order", "shopify", "/warehouse", Ending.DELIVERED, shopify.orders_create),
    Act("shopify-duplicate", "shopify", "/warehouse", Ending.DUPLICATE, shopify.orders_paid),
    Act("slack-handshake", "slack", "/bot", Ending.ANSWERED, slack.url_verification),
    Act("slack-message", "slack", "/bot", Ending.DELIVERED, slack.message),
    Act("slack-mention", "slack", "/bot", Ending.DELIVERED, slack.app_mention),
    Act("standard-webhooks-order", "standard-webhooks", "/tickets", Ending.DELIVERED, standard_webhooks.order_created),
)

#: What `--trickle` goes on sending: all that simply works.
TRICKLE = tuple(act for act in PROGRAMME if act.ending is Ending.DELIVERED)
