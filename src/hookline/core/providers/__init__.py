"""What Hookline knows about webhook senders, as data: one row per provider.

``scheme.py`` says what a row can say, ``table.py`` holds the rows, ``registry.py`` finds them by name,
``generic.py`` makes a row out of configuration. ``verifier.py`` turns rows into functions once, when
they are built; ``sign.py`` does what the sender does.
"""
