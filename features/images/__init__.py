"""Images as attachments of events: what may be sent, its pixels, and what is measured of them."""
