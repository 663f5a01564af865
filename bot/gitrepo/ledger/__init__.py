"""The ledger: an append-only chain of commits on a ref, its tree, its records, and the proof that nobody changed it.

It knows entries as values and Git as bytes; what an entry means (limits, halts, budgets) is for :mod:`bot.safety`.

Theory of operation
===================

Every run of Clockwork, on any machine, counts its budget from the same list of entries, and no server but the Git host
is there to keep it. So the list lives in the repository, on ``refs/clockwork/ledger``, and Git's own rules make it safe:

**An append is a compare-and-swap.** :meth:`chain.GitLedger.append` makes a commit whose only parent is the tip that was
read and pushes it without force, naming that tip as the old value of the ref. The server moves a ref only from the old
value that was named (gitprotocol-pack(5), "Reference Update Request and Packfile Transfer"). Of two that read the same
tip, one is first; the other is told ``Stale``, reads again and *decides* again, because what it decided on is no longer
true. Nothing is merged and nothing is retried blindly.

**A refused push returns normally.** libgit2 raises for a broken connection, not for a server that says no; the answer
for each ref comes by callback, and an answer that never came may hide a push that was carried out.
:mod:`bot.gitrepo.remote` turns all of it into three endings: it is there, ``Stale``, or an error.

**An entry is never later than its work.** A pull request is no ref, and two refs in one push are atomic only for clients
that ask for it (gitprotocol-capabilities(5), "atomic"), which libgit2 1.9 does not (measured). So the *intent* is
appended first, then the remedy is carried out, then the *outcome* is appended. A crash in between leaves an intent
without an outcome, and the next run closes it by looking for the work itself, by its marker or commit trailer. The other
order would lose work from the count, and with it the limits. Over HTTP, where the server offers it, the branches that
carry an intent out move in the very push that brings it, all or nothing (:mod:`bot.gitrepo.receive_pack`,
:meth:`chain.GitLedger.append_with`); whatever that push does not say yes to is done in two.

**A folder is a remote too.** The transport for bare directories and ``file://`` swaps nothing. There the objects are
carried over on a ref of their own, and the ledger's ref is moved by libgit2's own compare-and-swap in that folder.

**Each commit holds everything.** A tree is ``ledger.json`` (how many lines, the digest of the last), one file below
``tail/`` for each append, and from time to time a snapshot (:mod:`tree` has the format). A fresh CI runner fetches one
commit and knows all that counts; a daemon fetches and parses what is new, for the blobs of older files have the ids they
had. Each line names the digest of the line before it (:mod:`records`), so that a tree is whole in itself, whatever
became of the commits before it.

**Compaction rides on an append.** When the tail has grown long, the next append replaces it by a snapshot: the lines
that a limit can still count, byte for byte, below a head line that says for how many lines they stand and by which
retention the others were dropped (:mod:`bot.safety.compaction` decides, and promises that every count stays what it
was). The chain of commits keeps what was folded away.

**Trust is remembered.** A clone keeps the tip that it read last, and the next read, also by another process, must find
a chain that descends from it and followed the law of :mod:`audit` in every step: the files of the tail stay and new ones
come after them, or there is an honest snapshot. Anything else is ``Refused``, and a ledger that cannot be read means
that nothing is written anywhere. ``clockwork ledger verify`` asks the same of the whole chain from its first commit. What
a fresh runner reads first it has to believe; who can push to the ref and rewrites all of it before that runner comes is
kept out by the host's permissions and, where they are configured, by signatures, not by this package.
"""
