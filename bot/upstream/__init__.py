"""Fetches what a repository names and does not hold: charts, archives of registries, other Git repositories, single files.

The room answers :class:`bot.model.upstream.UpstreamRequest` from the hosts that settings allow and from nowhere else, and
keeps what it fetched by digest. Everything that comes back was written by others: it is bounded, checked and unpacked into
values, never run, and never written to a folder by a name that it brought along.
"""
