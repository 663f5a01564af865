"""``python -m bot.entrypoints.fleet`` is the process of one run; with the number of a socket, a server that forks such
processes. Loading the program makes tens of thousands of objects that all stay: garbage is looked for later than usual, as
on the command line, and at the end the system takes all of them at once.
"""

import atexit
import gc
import os
import sys


def _leave() -> None:
    if _finished:
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    _finished = list[bool]()
    atexit.register(_leave)  # the first one is called last, when threads have ended and temporary folders are gone
    gc.set_threshold(100_000)
    if len(sys.argv) > 1:
        from bot.entrypoints.fleet.fork_server import serve

        serve(int(sys.argv[1]))  # returns in a process that was forked
    from bot.entrypoints.fleet.run_one import main

    main()
    _finished.append(True)
