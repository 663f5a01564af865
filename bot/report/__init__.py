"""The one report of what differs, and the account of one run, in their forms: JSON, Markdown, terminal; and reading a
report back.

Pure. Knows the model and the comparison's words for hidden values; nothing that judges, writes or observes.
"""
