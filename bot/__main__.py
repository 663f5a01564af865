"""``python -m bot`` is the ``clockwork`` command."""

from bot.entrypoints.cli import entry

if __name__ == "__main__":
    entry()
