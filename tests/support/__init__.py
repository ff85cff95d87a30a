"""Tests of Everscore and what they share."""
