"""Many bots on one repository for a long time, with failing pushes and kills: ``python -m tests.soak --help``."""
