"""The long-running daemon: timers, changed files, webhooks and people say *when* to look; one consumer does it.

Everything that arrives becomes a piece of work in one queue; the same work waiting twice is done once. Losing all of it
costs one interval, because the timers fire anyway. Two timers: the *check* looks at what is cheap (branch, ledger, our
open items, everybody's open pull requests, their comments) and asks for a run only where something changed; the *drift*
timer has live state read whatever those say.

All durable memory is in Git. The state folder (:mod:`bot.entrypoints.daemon.state`) holds what is about this process on
this machine: its pid and lock, how to reach its API, its log, whether it is paused, which pull requests it judged.

Threads: the consumer (the main one), the API, the workers, the watchdog and what watches files. Only the consumer touches
the repository's clone and the code host. What a run is doing is a step (:mod:`bot.entrypoints.daemon.steps`): a step that
only looks may be left anywhere, one that writes only at its end. The watchdog tells of a step that takes too long, ends
one that only looks, and lets the service manager know by its silence of one that nothing can end.
"""
