"""Changes values in files by splicing byte spans, and refuses where anything but the intended value would move.

Pure. It may not know why a value changes, whether it may, or how the changed file gets into Git.
"""
