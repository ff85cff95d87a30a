"""Rules as data: which measurements and alarms ask for which actions."""
