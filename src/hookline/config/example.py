"""The hookline.yaml that a new user starts from."""

from __future__ import annotations

STARTER = """\
# The receiving side of this Hookline, under version control.
# Check it with `hookline plan`, put it to work with `hookline apply`.
# Every key: docs/reference/configuration.md
version: 1

# Endpoints may not have private addresses unless their network is named here.
allow_private_endpoints: [127.0.0.0/8]

# How long events are kept.
retention: 30d

sources:
  - name: github                  # webhooks arrive at /webhooks/github
    provider: github              # who sends; `generic` describes any HMAC, `none` asks for no proof
    secrets: ["env:GITHUB_WEBHOOK_SECRET"]   # env:NAME or file:PATH; two while you rotate
    owner: platform-team          # who is asked when it breaks
    purpose: start builds
    environment: production
    # rate_limit: 100/s           # beyond it the answer is 429
    # allow_ips: [192.0.2.0/24]
    # dedupe: {by: header, name: X-Event-Id}
    endpoints:
      - name: build
        url: http://127.0.0.1:9000/build
        events: ["push", "pull_request.*"]
        # retry: {schedule: [5s, 5m, 30m, 2h, 5h, 10h, 10h], jitter: 0.1}
        # timeout: 15s
        # concurrency: 10
"""
