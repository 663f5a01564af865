"""The HTTP API: a table of operations (:mod:`operations`), what describes it (:mod:`openapi`), who may (:mod:`tokens`).

Every operation is checked, carried out and described from the one entry in the table.
"""
