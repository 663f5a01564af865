"""Pages for people, rendered here and readable without scripts: what a daemon, or a fleet, knows of itself.

A page is plain HTML with its one style sheet and its one script inside, both allowed by their digests and nothing else (Content
Security Policy Level 3, section 2.3.1). Where scripts run, the script listens to server-sent events that say no more than
"something changed", reads the same page again and puts in what differs; so there is one way to render anything. Whoever sees
a page has a token of the API.
"""
