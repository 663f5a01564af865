"""Figures for Prometheus and InfluxDB: what is measured (:mod:`catalogue`), kept (:mod:`meters`) and pushed
(:mod:`influx`). ``README.md`` beside this has the table of names.
"""
