"""From one look to the ordered actions after which what runs is what Git declares, and what a plan is as JSON.

It may not know how an action is carried out.
"""
