"""What each piece of the hot path costs, counted in instructions: ``make bench-guard``.

A regression guard that is not a timed test. Times depend on what else a machine does; how many instructions a piece of
code takes does not, so a piece that got 5 % dearer is seen on any machine, however busy. `pieces.py` lists the pieces,
`recorded.json` what each of them cost when it was last recorded.

Counted is what our process does in user mode. What the kernel does for us (the fsync of a commit, the loopback),
waiting for memory, and the hand-over between event loop and writer are not: `make bench` measures those. Valgrind plays
a processor without some of the newest instructions, those for SHA among them, so hashing counts for more than it costs.
So a count says whether a piece got dearer, and not how many microseconds it takes.
"""
