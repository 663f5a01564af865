"""What keeps an outside program inside: namespaces, bubblewrap, Landlock and limits, chosen by what the machine allows.

Used by renderers and assistants. It knows neither of them: it is told what a program may see, and starts it so.
"""
