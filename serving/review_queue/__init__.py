"""The queue of cases that people review: claims, verdicts, second opinions, and their page."""
