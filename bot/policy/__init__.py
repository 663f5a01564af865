"""Decides the remedy of a drift from rule files.

Pure. It may not know how a drift was found, how the remedy is written into Git, or whether there is budget left for it.
"""
