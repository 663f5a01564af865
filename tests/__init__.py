"""Tests: tables for pure code, golden trees for edits, real Git over HTTP, the sandbox for GitHub."""
