"""Triage of chest X-rays: pneumonia or not, bacterial or viral, or a person should look."""
