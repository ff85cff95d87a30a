"""What all pages share: the shell, texts in two languages, static files, login, the start page."""
