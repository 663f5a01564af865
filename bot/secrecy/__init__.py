"""The one answer to "is this a secret?": names, token forms, scanning, redaction. Pure; whoever shows text asks here."""
