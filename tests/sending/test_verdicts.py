"""Tokens that were found genuine are remembered, in bounds."""

from __future__ import annotations

import pytest

from hookline.api.sending.verdicts import MOST_REMEMBERED, Verdicts
from hookline.api.token import AuthenticationFailed, Claims, TokenSigner
from tests.api.conftest import SERVER_SECRET


def test_only_so_many_tokens_are_remembered_and_only_genuine_ones() -> None:
    signer = TokenSigner(SERVER_SECRET)
    verdicts = Verdicts(signer)
    tokens = [signer.create("org_default", second) for second in range(MOST_REMEMBERED + 10)]
    for token in tokens:
        assert verdicts.of(f"Bearer {token}".encode(), 10_000) == Claims("org_default")
    for text in ("", "Bearer ", "Basic abc", "Bearer abc", f"Bearer {tokens[0][:-4]}AAAA", "Bearer \xff"):
        with pytest.raises(AuthenticationFailed):
            verdicts.of(text.encode("latin-1"), 10_000)
    assert len(verdicts._known) == MOST_REMEMBERED


def test_a_remembered_token_ends_at_its_time_to_the_second() -> None:
    signer = TokenSigner(SERVER_SECRET)
    verdicts = Verdicts(signer)
    authorization = f"bearer  {signer.create('org_default', 1_000, 60)}".encode()
    for now_s in (1_000, 1_059.999):
        assert verdicts.of(authorization, now_s) == Claims("org_default")
    for now_s in (1_060, 1_060, 2_000):
        with pytest.raises(AuthenticationFailed, match="expired"):
            verdicts.of(authorization, now_s)
    assert verdicts.of(authorization, 1_001) == Claims("org_default")  # the clock was set back
