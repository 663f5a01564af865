"""Tables for limits and windows; laws for what no sequence of events may ever exceed."""
