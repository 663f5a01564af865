"""Who is told what, once: what is news, whom it concerns, when it may be sent, and the memory of what was told.

Pure: flows bring what stands now and the ledger, :mod:`bot.receivers` sends.

Theory of operation
===================

**What stands is compared with what was told.** A notice is never made from an event. A run says what stands now (this
field differs, this pull request is open, everything is halted); what nobody was told is news, and what was told and
stands no longer is news again. A run that was missed, killed or repeated changes nothing.

**The ledger remembers.** Each notice is a note in the ledger, with the receivers it is for. Before a message goes out, a
note claims its notices for that receiver; the ledger takes one of two runs that try (compare-and-swap), so one sends.
Afterwards a note says what came of it. So the ledger is the queue as well: what waits for a digest or for the morning
lies there, whichever machine runs next.

**Once, as far as that can be.** What was taken, and what may have arrived, is not sent again. What was refused is, five
times, each time later. A claim without a result is of a process that died; after ten minutes it is sent again, because a
message twice is better than none. What is given up is counted, and the next message says how many.
"""
