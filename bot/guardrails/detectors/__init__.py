"""The built-in detectors, one module per subject. Each is a function from a change to the places it points at."""
