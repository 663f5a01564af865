"""Runs of many repositories, each in a process of its own, on this machine or on those of a Celery queue.

``run_one`` is that process; ``processes`` starts it and makes an account of whatever became of it, where it can through
``forking``, which asks a ``fork_server``; ``celery_queue`` hands the same work to other machines; ``keeping`` remembers
between starts what is known. The order is :mod:`bot.fleet.schedule`, the loop :mod:`bot.flows.fleet`.
"""
