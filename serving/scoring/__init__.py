"""Score now: posted events and what-ifs, judged as the stream judges them."""
