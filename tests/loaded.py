"""Imported before processes are forked for tests: what a run loads and reads first, so that no fork does it for itself."""

import bot.guardrails.catalogue
import bot.report.reading  # noqa: F401
from bot.escape import line
from bot.wiring.fleet import load_program

load_program()
line("x = 1")  # compiles what looks for credentials
