"""Tests of how Clockwork is installed and kept running: the wheel, the image, the chart, the unit of systemd, the release."""
