"""``python -m bot.entrypoints.fleet`` is the process of one run. Loading it makes tens of thousands of objects that all
stay, so garbage is looked for later than usual, as on the command line.
"""

import gc

if __name__ == "__main__":
    gc.set_threshold(100_000)
    from bot.entrypoints.fleet.run_one import main

    main()
    gc.freeze()  # what is left goes with the process
