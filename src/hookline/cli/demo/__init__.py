"""``hookline demo``: a server, a receiver and real signed webhooks, in one process.

`programme.py` says what is sent and how it should end, `stage.py` sets everything up, `play.py` sends and
follows, `judge.py` compares, `screen.py` and `show.py` tell, and `run.py` is the course of it all.
"""

from hookline.cli.demo.command import demo

__all__ = ["demo"]
