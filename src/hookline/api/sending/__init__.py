"""The sending API: what a product calls to send webhooks to its customers.

It is wire-compatible with the open-source Svix server, so that the official Svix SDKs and CLI are its clients:
the same paths, the same names in camelCase, the same statuses. An application is a source, a message is an event.
"""
